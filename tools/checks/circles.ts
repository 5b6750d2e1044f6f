/** Finds circles in a graph of imports: every file that is in one is in one of those given back. */

export interface Edge {
  from: string;
  to: string;
}

export function circles<E extends Edge>(edges: E[]): E[][] {
  const outgoing = new Map<string, E[]>();
  for (const edge of edges) outgoing.set(edge.from, [...(outgoing.get(edge.from) ?? []), edge]);

  const found: E[][] = [];
  const inACircle = new Set<string>();
  for (const start of outgoing.keys()) {
    if (inACircle.has(start)) continue;
    const circle = shortestWayBack(start, outgoing);
    if (circle === undefined) continue;
    found.push(circle);
    for (const edge of circle) inACircle.add(edge.from);
  }
  return found;
}

function shortestWayBack<E extends Edge>(start: string, outgoing: Map<string, E[]>): E[] | undefined {
  const reachedBy = new Map<string, E>();
  const queue = [start];
  for (const file of queue) {
    for (const edge of outgoing.get(file) ?? []) {
      if (edge.to === start) return wayTo(edge, start, reachedBy);
      if (reachedBy.has(edge.to)) continue;
      reachedBy.set(edge.to, edge);
      queue.push(edge.to);
    }
  }
  return undefined;
}

function wayTo<E extends Edge>(last: E, start: string, reachedBy: Map<string, E>): E[] {
  const way = [last];
  while (way[0]!.from !== start) way.unshift(reachedBy.get(way[0]!.from)!);
  return way;
}
