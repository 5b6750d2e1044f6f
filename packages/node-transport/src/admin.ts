// @pb/node-transport/admin: what an operator sees of the servers of a process, and changes while it runs.

export { Admin } from "./admin/admin.js";
export { listenAdmin } from "./admin/listen-admin.js";
export type { AdminLog, AdminOptions, AdminPortal, AdminServer } from "./admin/admin-options.js";
export type {
  ConnectionRow,
  ConnectionSums,
  ConnectionTable,
  ProcessState,
  SessionRow,
  SessionTable,
} from "./admin/rows.js";
