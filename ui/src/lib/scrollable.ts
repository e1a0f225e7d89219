// A list that scrolls and holds no control of its own takes the focus, so that the arrows can scroll it.

export function scrollable(node: HTMLElement): { destroy(): void } {
  const look = (): void => {
    if (node.scrollHeight > node.clientHeight + 1) node.tabIndex = 0;
    else node.removeAttribute("tabindex");
  };
  const watch = typeof ResizeObserver === "function" ? new ResizeObserver(look) : null;
  watch?.observe(node);
  const changes = new MutationObserver(look);
  changes.observe(node, { childList: true, subtree: true });
  look();
  return {
    destroy() {
      watch?.disconnect();
      changes.disconnect();
    },
  };
}
