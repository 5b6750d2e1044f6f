// All commands of the worker, by the names that masters use.

import type { Command } from "../command.js";
import { downloadFile } from "./download.js";
import { cpdir, glob, listdir, mkdir, rmdir, rmfile, stat } from "./files.js";
import { shell } from "./shell.js";
import { uploadDirectory, uploadFile } from "./upload.js";

export const commands: Readonly<Record<string, Command>> = {
  shell,
  mkdir,
  rmdir,
  cpdir,
  stat,
  glob,
  listdir,
  rmfile,
  downloadFile,
  uploadFile,
  uploadDirectory,
};
