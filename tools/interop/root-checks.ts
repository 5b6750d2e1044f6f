export const rootChecks = {};
