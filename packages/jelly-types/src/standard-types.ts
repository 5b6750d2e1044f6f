// The registry of the types that every connection supports.

import { TypeRegistry } from "./registry.js";
import { boolean } from "./types/boolean.js";
import { arrayBuffer, byteArray } from "./types/bytes.js";
import { calendarDate } from "./types/time/calendar-date.js";
import { date, dateTime } from "./types/time/date-time.js";
import { decimal } from "./types/decimal.js";
import { dictionary } from "./types/dictionary.js";
import { list } from "./types/list.js";
import { none } from "./types/none.js";
import { float } from "./types/number.js";
import { instance, pythonName } from "./types/instances/python-name.js";
import { plainTreeType } from "./types/plain-tree.js";
import { persistent } from "./types/instances/persistent.js";
import { frozenSet, set } from "./types/set.js";
import { text } from "./types/text.js";
import { timeDelta } from "./types/time/time-delta.js";
import { timeOfDay } from "./types/time/time-of-day.js";
import { tupleType } from "./types/tuple.js";
import { unknownCopy } from "./types/instances/unknown-copy.js";
import { unpersistable } from "./types/instances/unpersistable.js";

/**
 * The standard types (wire specification 4.2), used for every atom and class that the registry of the application does
 * not have.
 */
export const standardTypes: TypeRegistry = new TypeRegistry()
  .register(none)
  .register(boolean)
  .register(float)
  .register(byteArray)
  .register(arrayBuffer)
  .register(text)
  .register(list)
  .register(tupleType)
  .register(dictionary)
  .register(set)
  .register(frozenSet)
  .register(dateTime)
  .register(date)
  .register(calendarDate)
  .register(timeOfDay)
  .register(timeDelta)
  .register(decimal)
  .register(plainTreeType)
  .register(unpersistable)
  .register(persistent)
  .register(pythonName)
  .register(instance)
  .register(unknownCopy)
  .seal();
