// The types every connection knows.

import { TypeRegistry } from "./registry.js";
import { boolean } from "./types/boolean.js";
import { arrayBuffer, byteArray } from "./types/bytes.js";
import { dictionary } from "./types/dictionary.js";
import { list } from "./types/list.js";
import { none } from "./types/none.js";
import { float } from "./types/number.js";
import { text } from "./types/text.js";
import { tupleType } from "./types/tuple.js";

/** The standard types (wire specification 4.2): what is left when no registry of an application has an answer. */
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
  .seal();
