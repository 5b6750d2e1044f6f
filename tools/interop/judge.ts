export async function judgeAll(print: (l: string) => void) {
  return true;
}
