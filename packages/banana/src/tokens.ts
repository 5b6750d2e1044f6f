// The type bytes (wire specification 2.1).

export const LIST = 0x80;
export const INT = 0x81;
export const STRING = 0x82;
export const NEG = 0x83;
export const FLOAT = 0x84;
export const LONGINT = 0x85;
export const LONGNEG = 0x86;
export const VOCAB = 0x87;

/** The largest magnitudes of INT and NEG; LONGINT and LONGNEG begin one above. */
export const MAX_INT = 0x7fffffff;
export const MAX_NEG = 0x80000000;
