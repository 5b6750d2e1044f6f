// What the bench needs of the packages, in one bundle.

export { BananaReader, BananaWriter, Scanner } from "@pb/banana";
export { Jellier, TypeRegistry, Unjellier } from "@pb/jelly-types";
