#!/usr/bin/env node
// Runs `pb`. In a clone of the repository, it needs the built packages.

const { main } = await import("@pb/cli").catch((error) => {
  if (error.code !== "ERR_MODULE_NOT_FOUND" || !/[\\/]dist[\\/]/.test(error.message)) throw error;
  console.error("pb: the packages are not built: run npm run build in the folder of the repository");
  process.exit(70);
});

await main();
