export const portalChecks = {};
