/**
 * As much of Alpine's CSP build as the console uses; the package brings no types of its own.
 */
declare module '@alpinejs/csp' {
  /** What Alpine adds to `this` inside a component. */
  export interface Magics {
    $el: HTMLElement;
    $root: HTMLElement;
    $refs: Record<string, HTMLElement>;
  }

  export interface DirectiveContext {
    value: string;
    expression: string;
    modifiers: string[];
  }

  export interface DirectiveUtilities {
    evaluateLater(expression: string): (receive: (value: unknown) => void) => void;
    effect(callback: () => void): void;
    cleanup(callback: () => void): void;
  }

  interface Alpine {
    start(): void;
    data(name: string, factory: (...parameters: never[]) => object): void;
    magic(name: string, callback: (element: HTMLElement) => unknown): void;
    directive(
      name: string,
      callback: (element: HTMLElement, context: DirectiveContext, utilities: DirectiveUtilities) => void,
    ): void;
    reactive<T extends object>(value: T): T;
    raw<T>(value: T): T;
    effect(callback: () => void): unknown;
    release(effect: unknown): void;
    nextTick(callback?: () => void): Promise<void>;
    mutateDom(callback: () => void): void;
    addScopeToNode(node: Node, scope: object, reference?: Node): () => void;
    initTree(root: Node): void;
  }

  const alpine: Alpine;
  export default alpine;
}
