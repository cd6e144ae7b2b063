"use strict";
// Draws lineage in layers. The tables on the page say the same.
(() => {
  const box = document.getElementById("graph"), about = document.getElementById("about"), zoom = document.getElementById("zoom");
  const { center, nodes, edges, pipelines } = JSON.parse(box.dataset.graph);
  const WIDTH = 190, HEIGHT = 34, READABLE = 0.75, LETTERS = 25;
  const WORDS = { queued: "Queued", running: "Running", succeeded: "Succeeded", failed: "Failed", cancelled: "Cancelled", never: "Never ran", gone: "No longer declared" };
  const COLORS = { queued: "accent", running: "accent", succeeded: "good", failed: "bad", cancelled: "off", never: "off", gone: "off" };
  const DASHES = { failed: [6, 3], never: [2, 4], gone: [2, 4], cancelled: [2, 4] };

  box.hidden = about.hidden = zoom.hidden = false;
  const narrow = box.clientWidth < 500;
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const short = (name) => (name.length > LETTERS ? `…${name.slice(1 - LETTERS)}` : name);

  function addressOf(name) {
    const wanted = new URLSearchParams({ address: name, direction: box.dataset.direction, depth: box.dataset.depth });
    return `${box.dataset.here}?${wanted}`;
  }

  function style() {
    const stateColor = (element) => color(COLORS[element.data("state")] ?? "mute");
    return [
      { selector: "node", style: { shape: "round-rectangle", width: WIDTH, height: HEIGHT, label: "data(label)", color: color("ink"), "font-size": 12, "font-family": "system-ui, sans-serif", "text-valign": "center", "text-halign": "center", "background-color": color("raised"), "border-width": 1.5, "border-color": stateColor } },
      { selector: "node[?center]", style: { "border-width": 3, "font-weight": "bold", "background-color": color("run-bg") } },
      { selector: "edge", style: { width: 1.5, "curve-style": "bezier", "source-endpoint": narrow ? "180deg" : "90deg", "target-endpoint": narrow ? "0deg" : "270deg", "line-color": stateColor, "target-arrow-color": stateColor, "target-arrow-shape": "triangle", "arrow-scale": 0.9, "line-style": (edge) => (DASHES[edge.data("state")] ? "dashed" : "solid"), "line-dash-pattern": (edge) => DASHES[edge.data("state")] ?? [1, 0] } },
      { selector: "edge:loop", style: { "source-endpoint": "outside-to-node", "target-endpoint": "outside-to-node" } },
      { selector: ".far", style: { opacity: 0.18 } },
      { selector: "edge.near", style: { width: 2.5 } },
      { selector: "edge.named", style: { width: 3.5, label: "data(title)", color: color("ink"), "font-size": 12, "text-background-color": color("surface"), "text-background-opacity": 1, "text-background-padding": 3, "text-max-width": 220, "text-wrap": "ellipsis", "z-index": 9 } },
      { selector: "node.chosen", style: { "outline-width": 3, "outline-color": color("accent"), "outline-offset": 2 } },
    ];
  }

  const elements = [
    ...nodes.map((node) => ({ data: { ...node, id: `n${node.id}`, label: short(node.name), center: node.id === center } })),
    ...edges.map(([source, target, pipeline], number) => ({ data: { id: `e${number}`, source: `n${source}`, target: `n${target}`, pipeline, title: pipelines[pipeline].title, state: pipelines[pipeline].state } })),
  ];

  const cy = cytoscape({
    container: box, elements, style: style(), minZoom: 0.02, maxZoom: 2.5, boxSelectionEnabled: false, autounselectify: true,
    layout: { name: "dagre", rankDir: narrow ? "TB" : "LR", nodeSep: 14, rankSep: narrow ? 50 : 90, ranker: "longest-path", fit: false },
  });
  pack();
  let chosen = cy.$id(`n${center}`);

  // Many addresses in a layer are spread far apart: they go together, in the order that crosses the fewest lines.
  function pack() {
    const [along, across, size] = narrow ? ["y", "x", WIDTH] : ["x", "y", HEIGHT];
    const layers = new Map();
    for (const node of cy.nodes()) {
      const at = Math.round(node.position(along));
      layers.set(at, [...(layers.get(at) ?? []), node]);
    }
    const step = size + 14, most = step * Math.max(...[...layers.values()].map((layer) => layer.length));
    const around = cy.nodes().boundingBox(), spread = narrow ? around.w : around.h;
    if (spread < 1.6 * most) return;
    const apart = (narrow ? HEIGHT : WIDTH) + Math.min(420, Math.max(90, most / 7));
    cy.batch(() => [...layers.keys()].sort((a, b) => a - b).forEach((key, layer) => {
      const mine = layers.get(key).sort((a, b) => a.position(across) - b.position(across));
      mine.forEach((node, place) => node.position({ [along]: layer * apart, [across]: (place - (mine.length - 1) / 2) * step }));
    }));
  }

  const quiet = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // All of it where that can be read; else the middle.
  function begin() {
    cy.fit(undefined, 24);
    if (cy.zoom() > 1.1) cy.zoom(1.1);
    if (cy.zoom() < READABLE) cy.zoom(READABLE);
    cy.center(cy.zoom() === READABLE ? chosen : undefined);
  }

  function element(tag, ...children) {
    const made = document.createElement(tag);
    made.append(...children);
    return made;
  }

  function link(href, text) {
    const made = element("a", text);
    made.href = href;
    return made;
  }

  function badge(state) {
    const made = element("span", WORDS[state]);
    made.className = `badge ${state}`;
    return made;
  }

  function pipelineLine(id) {
    const { title, key, state } = pipelines[id];
    return element("li", key ? link(box.dataset.pipelines + key, title) : title, " ", badge(state));
  }

  function section(title, lines) {
    return lines.length ? [element("h3", title), element("ul", ...lines)] : [];
  }

  const byName = (some) => some.sort((a, b) => a.data("name").localeCompare(b.data("name"), "en", { numeric: true }));
  const addressLine = (node) => element("li", link(addressOf(node.data("name")), element("code", node.data("name"))));
  const pipelinesOf = (some) => [...new Set(some.map((edge) => edge.data("pipeline")))].map(pipelineLine);

  function tellNode(node) {
    const into = node.incomers("edge"), from = node.outgoers("edge");
    about.replaceChildren(
      element("h2", link(addressOf(node.data("name")), node.data("name"))), element("p", node.data("type")),
      ...section("Written by", pipelinesOf(into)), ...section("Read by", pipelinesOf(from)),
      ...section("Made from", byName(into.sources()).map(addressLine)), ...section("Made of it", byName(from.targets()).map(addressLine)),
    );
  }

  function tellPipeline(id) {
    const mine = cy.edges().filter((edge) => edge.data("pipeline") === id);
    const { title, key, state } = pipelines[id];
    about.replaceChildren(
      element("h2", key ? link(box.dataset.pipelines + key, title) : title), element("p", badge(state)),
      ...section("Reads", byName(mine.sources()).map(addressLine)), ...section("Writes", byName(mine.targets()).map(addressLine)),
    );
  }

  function show(near, named) {
    cy.batch(() => {
      cy.elements().removeClass("far near named");
      if (!near) return;
      cy.elements().not(near).addClass("far");
      near.edges().addClass("near");
      named?.addClass("named");
    });
  }

  function showNode(node) {
    show(node.predecessors().union(node.successors()).union(node));
    tellNode(node);
  }

  function showEdge(edge) {
    const mine = cy.edges().filter((one) => one.data("pipeline") === edge.data("pipeline"));
    show(mine.union(mine.connectedNodes()), edge);
    tellPipeline(edge.data("pipeline"));
  }

  function choose(node) {
    if (!node?.length) return;
    chosen.removeClass("chosen");
    chosen = node.addClass("chosen");
    showNode(node);
    const at = node.renderedPosition();
    const outside = at.x < 0 || at.y < 0 || at.x > box.clientWidth || at.y > box.clientHeight;
    if (outside) cy.animate({ center: { eles: node }, duration: quiet() ? 0 : 150 });
  }

  // The nearest address in that direction: along the lines if there is one, else in the same layer.
  function next(key) {
    const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
    const from = chosen.position();
    const ahead = (node) => {
      const to = node.position(), along = (to.x - from.x) * dx + (to.y - from.y) * dy;
      const aside = Math.abs((to.x - from.x) * dy) + Math.abs((to.y - from.y) * dx);
      return along > 1 ? along + 3 * aside : Infinity;
    };
    const best = (some) => some.filter((node) => ahead(node) < Infinity).min(ahead).ele;
    return best(chosen.neighborhood("node")) ?? best(cy.nodes());
  }

  cy.on("mouseover", "node", (event) => { box.classList.add("pointing"); showNode(event.target); });
  cy.on("mouseover", "edge", (event) => showEdge(event.target));
  cy.on("mouseout", "node, edge", () => { box.classList.remove("pointing"); show(); });
  cy.on("tap", "node", (event) => location.assign(addressOf(event.target.data("name"))));
  cy.on("tap", "edge", (event) => showEdge(event.target));
  cy.on("tap", (event) => { if (event.target === cy) { show(); tellNode(chosen); } });

  box.addEventListener("focus", () => { if (box.matches(":focus-visible")) choose(chosen); });
  box.addEventListener("blur", () => { chosen.removeClass("chosen"); show(); });
  box.addEventListener("keydown", (event) => {
    if (event.key.startsWith("Arrow")) { event.preventDefault(); choose(next(event.key)); }
    if (event.key === "Enter") location.assign(addressOf(chosen.data("name")));
  });
  zoom.addEventListener("click", (event) => {
    const how = event.target.closest("button")?.value;
    if (how === "fit") cy.fit(undefined, 24);
    else if (how) cy.zoom({ level: cy.zoom() * (how === "in" ? 1.3 : 1 / 1.3), renderedPosition: { x: box.clientWidth / 2, y: box.clientHeight / 2 } });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => cy.style(style()));

  begin();
  tellNode(chosen);
  box.lineage = cy; // for whoever looks at the drawing from a console
})();
