const CSS = `
:host { all: initial; color-scheme: light dark;
  --back: #fff; --front: #1b1f24; --soft: #57606a; --line: #8c959f; --fill: #f3f5f7;
  --accent: #0b5cad; --on-accent: #fff; --good: #1a7f37; --bad: #b42318; --warn: #8a5a00; }
@media (prefers-color-scheme: dark) { :host {
  --back: #16191d; --front: #e8ebee; --soft: #a9b2bc; --line: #6b7580; --fill: #22272d;
  --accent: #7ab8ff; --on-accent: #10141a; --good: #57c772; --bad: #ff8a7d; --warn: #e0ad48; } }
* { box-sizing: border-box; font: inherit; }
[hidden] { display: none !important; }
aside { font: 13px/1.45 system-ui, sans-serif; color: var(--front); }
button, input, select, textarea { color: var(--front); background: var(--back); border: 1px solid var(--line);
  border-radius: 6px; padding: 4px 10px; min-height: 28px; }
button { cursor: pointer; }
button:hover:not(:disabled) { background: var(--fill); }
button:disabled { color: var(--soft); cursor: not-allowed; border-style: dashed; }
button[aria-pressed=true] { background: var(--accent); color: var(--on-accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.open { position: fixed; z-index: 2147483646; bottom: 12px; box-shadow: 0 1px 4px #0004; border-radius: 999px;
  display: flex; gap: 6px; align-items: center; }
.open.right { right: 12px; } .open.left { left: 12px; }
.dot { width: 9px; height: 9px; border-radius: 50%; background: var(--warn); }
.dot.authenticated { background: var(--good); } .dot.anonymous { background: var(--soft); }
.panel { position: fixed; z-index: 2147483647; background: var(--back); border: 0 solid var(--line);
  display: flex; flex-direction: column; box-shadow: 0 0 12px #0003; }
.panel.bottom { inset: auto 0 0 0; height: min(46vh, 460px); border-top-width: 1px; }
.panel.right { inset: 0 0 0 auto; width: min(460px, 100vw); border-left-width: 1px; }
:host(.filling), aside.filling { display: block; height: 100%; container-type: size; }
.panel.filling { position: static; height: 100%; box-shadow: none; }
.filling > [role=tabpanel] { flex: 0 1 auto; min-height: 45%; }
.below h3 { margin: 0 0 6px; }
.below { flex: 1 1 0; min-height: 0; overflow: auto; padding: 10px; border-top: 1px solid var(--line); }
@container (width < 480px) { .timeline .bar { flex-wrap: nowrap; overflow-x: auto; padding: 2px; }
  .timeline .bar > * { flex: none; } }
@container (height < 500px) {
  .panel.filling { overflow: auto; }
  .filling > [role=tabpanel], .below { flex: none; overflow: visible; min-height: auto; }
}
header { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 6px 10px; background: var(--fill);
  border-bottom: 1px solid var(--line); }
h2 { font-weight: 600; margin: 0; }
h3 { font-weight: 600; margin: 14px 0 4px; }
[role=tablist] { display: flex; gap: 2px; flex: 1; }
[role=tab] { border-color: transparent; background: none; }
[role=tab][aria-selected=true] { border-color: var(--line); background: var(--back); font-weight: 600; }
[role=tabpanel] { flex: 1; overflow: auto; padding: 10px; min-height: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
pre { margin: 4px 0; font: 12px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
svg.life { width: 100%; height: 22px; margin: 0 0 8px; display: block; }
.track { fill: var(--fill); stroke: var(--line); } .left { fill: var(--good); } .window { fill: var(--warn); }
.present { fill: var(--front); }
.bar, .row { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 0 0 8px; }
.row button { min-width: 190px; text-align: left; }
.hint { color: var(--soft); margin: 0; flex: 1 1 240px; }
.note { border-left: 3px solid var(--accent); padding: 2px 10px; margin: 0 0 8px; }
.result { font-weight: 600; margin: 0 0 8px; min-height: 1.45em; }
fieldset { border: 1px solid var(--line); border-radius: 6px; margin: 10px 0; padding: 8px 10px; }
legend { font-weight: 600; padding: 0 4px; }
label { display: flex; gap: 6px; align-items: center; }
ol { list-style: none; margin: 0; padding: 0; }
li { border-bottom: 1px solid var(--fill); }
summary { cursor: pointer; padding: 3px 2px; overflow-wrap: anywhere; }
summary:hover { background: var(--fill); }
time { color: var(--soft); font-variant-numeric: tabular-nums; margin-right: 8px; }
.tab { color: var(--soft); margin-right: 8px; }
.bad { color: var(--bad); } .good { color: var(--good); } .warn { color: var(--warn); }
li ul { margin: 4px 0 8px 18px; padding: 0; } li li { border: 0; list-style: disc; }
li p { margin: 4px 0 4px 18px; }
textarea { width: 100%; min-height: 120px; font: 12px/1.4 ui-monospace, monospace; }
.lanes { max-height: 100%; overflow: hidden auto; border: 1px solid var(--line); background: var(--fill); }
.surface { overflow: hidden; cursor: grab; touch-action: pan-y; user-select: none; min-height: 120px; }
.surface[data-over=mark] { cursor: pointer; }
.surface svg { display: block; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin: 6px 0 0; padding: 0; color: var(--soft); }
.legend li { display: flex; gap: 4px; align-items: center; border: 0; }
.found { color: var(--soft); }
.detail { min-height: 1.45em; margin: 6px 0; }
.timeline path { fill: none; stroke: none; }
.timeline .floor, .timeline .grid { stroke: var(--line); shape-rendering: crispEdges; }
.timeline .grid { stroke-dasharray: 2 4; }
.timeline .present { stroke: var(--accent); stroke-width: 1.5; transition: none; }
.timeline .life { fill: color-mix(in srgb, var(--accent) 30%, var(--back)); stroke: var(--accent); }
.timeline .ahead, .timeline .renewed { fill: var(--accent); }
.timeline .hidden { fill: var(--line); } .timeline .offline { fill: var(--bad); }
.timeline .wait { fill: var(--warn); }
.timeline .span { stroke: var(--soft); }
.timeline .good { stroke: var(--good); stroke-width: 2; }
.timeline .refused, .timeline .note-warn { fill: var(--warn); }
.timeline .failed { stroke: var(--bad); stroke-width: 2.5; stroke-linecap: round; }
.timeline .unanswered { stroke: var(--bad); stroke-width: 2; }
.timeline .replay { stroke: var(--warn); stroke-width: 1.5; }
.timeline .handover { stroke: var(--good); stroke-width: 2; }
.timeline .signed-in, .timeline .note-good { fill: var(--good); }
.timeline .signed-out, .timeline .note-plain { fill: var(--soft); }
.timeline .note-bad { fill: var(--bad); }
.timeline .ring { stroke: var(--front); stroke-width: 2; }
.timeline text { font-size: 12px; fill: var(--soft); }
.timeline .time { text-anchor: middle; }
.timeline .name { font-weight: 650; fill: var(--front); }
.timeline .count { font-size: 11px; }
.timeline .life-name { font-size: 11px; fill: var(--front); pointer-events: none; }
@media (max-width: 480px) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; } .row button { min-width: 100%; } }
@media (prefers-reduced-motion: no-preference) { .left, .present { transition: width .3s linear, x .3s linear; } }
`

/**
 * A constructed style sheet needs no permission of a Content Security Policy. An older browser gets an element instead, which
 * does: with the nonce of the page, where it has one.
 */
export function addStyles(root: ShadowRoot, nonce: string | undefined): void {
  try {
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(CSS)
    root.adoptedStyleSheets = [sheet]
  } catch {
    const style = document.createElement('style')
    if (nonce !== undefined) style.nonce = nonce
    style.textContent = CSS
    root.append(style)
  }
}
