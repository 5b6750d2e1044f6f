// Finds caches that refer to each other.

/** A cache, and the caches that it refers to. */
export interface CacheNode<Node> {
  readonly mentions: ReadonlySet<Node>;
}

/** A node that is being visited, with the state that Tarjan's algorithm keeps for it. */
interface Visit<Node> {
  readonly node: Node;
  readonly index: number;
  /** The lowest index that can be reached from the node. */
  low: number;
  isOpen: boolean;
  readonly rest: Iterator<Node>;
}

/** All nodes that can be reached from `starts` and are part of a cycle. Takes time in proportion to their mentions. */
export function nodesInCycles<Node extends CacheNode<Node>>(starts: Iterable<Node>): Node[] {
  const visits = new Map<Node, Visit<Node>>();
  const found: Node[] = [];
  for (const start of starts) if (!visits.has(start)) visitFrom(start, visits, found);
  return found;
}

/** Tarjan's algorithm for strongly connected components, with a stack of its own: chains can be long. */
function visitFrom<Node extends CacheNode<Node>>(start: Node, visits: Map<Node, Visit<Node>>, found: Node[]): void {
  const open: Visit<Node>[] = [];
  const path: Visit<Node>[] = [];
  const enter = (node: Node): void => {
    const index = visits.size;
    const visit = { node, index, low: index, isOpen: true, rest: node.mentions.values() };
    visits.set(node, visit);
    open.push(visit);
    path.push(visit);
  };
  enter(start);
  while (path.length > 0) {
    const visit = path[path.length - 1]!;
    const next = visit.rest.next();
    if (next.done !== true) {
      const known = visits.get(next.value);
      if (known === undefined) enter(next.value);
      else if (known.isOpen) visit.low = Math.min(visit.low, known.index);
      continue;
    }
    path.pop();
    const from = path[path.length - 1];
    if (from !== undefined) from.low = Math.min(from.low, visit.low);
    if (visit.low === visit.index) closeComponent(visit, open, found);
  }
}

function closeComponent<Node extends CacheNode<Node>>(root: Visit<Node>, open: Visit<Node>[], found: Node[]): void {
  const component = open.splice(open.lastIndexOf(root));
  for (const visit of component) visit.isOpen = false;
  if (component.length > 1 || root.node.mentions.has(root.node)) found.push(...component.map(({ node }) => node));
}
