"""How the page of a report looks, as CSS: light, narrow and wide, on paper."""

STYLE = """\
:root { color-scheme: light; }
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 80rem; overflow-wrap: anywhere;
  font: 1rem/1.5 system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif; color: #222; background: #fff;
}
h1, h2, h3 { line-height: 1.25; }
h2 { margin-top: 2.5rem; border-bottom: 2px solid #ccc; padding-bottom: 0.25rem; }
h3 { margin-top: 2rem; }
p { max-width: 50rem; }
a { color: #004c8c; }
nav ul { padding-left: 1.25rem; margin: 0.25rem 0; }
nav ul ul { columns: 14rem; }
nav li { padding: 0.1rem 0; }
.tables { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; margin: 1rem 0; }
.scroll { overflow-x: auto; width: fit-content; max-width: 100%; border: 1px solid #ddd; }
.scroll:focus-visible { outline: 3px solid #0072b2; }
table { border-collapse: collapse; font-size: 0.875rem; overflow-wrap: normal; width: max-content; min-width: 16rem; }
caption { text-align: left; padding: 0.5rem; font-weight: 600; }
caption span { position: sticky; left: 0.5rem; display: inline-block; max-width: min(46rem, calc(100vw - 3.5rem)); }
th, td {
  padding: 0.3rem 0.6rem; max-width: 20rem; overflow-wrap: break-word;
  border-top: 1px solid #ddd; text-align: left; vertical-align: top;
}
thead th { background: #f2f2f2; vertical-align: bottom; }
th[scope="row"] { position: sticky; left: 0; background: #fff; font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
td.number { white-space: nowrap; }
td.long { max-width: 26rem; }
.footnotes { font-size: 0.8125rem; color: #444; margin: 0; width: 100%; max-width: none; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; color: #004c8c; padding: 0.25rem 0; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; }
figure { margin: 0; padding: 0.5rem; border: 1px solid #ddd; width: 22rem; max-width: 100%; break-inside: avoid; }
figure svg { display: block; max-width: 100%; height: auto; }
figure svg * { stroke-linejoin: round; stroke-linecap: butt; }
figure svg text { font-family: inherit !important; }
figcaption { font-size: 0.875rem; margin-top: 0.5rem; }
@media (max-width: 40rem) {
  th, td, th[scope="row"] { max-width: 8rem; }
  td.number, td.long { max-width: 16rem; }
  table { font-size: 0.8125rem; }
}
@media print {
  @page { size: A4 landscape; margin: 12mm; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { max-width: none; padding: 0; font-size: 9pt; }
  nav { display: none; }
  .scroll { overflow: visible; border: 0; width: auto; }
  table { font-size: 6.5pt; width: auto; min-width: 0; }
  th, td { padding: 0.1rem 0.2rem; }
  td.number { white-space: normal; }
  td.long { overflow-wrap: anywhere; }
  td.long:last-child { min-width: 4.5cm; }
  th[scope="row"], caption span { position: static; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
"""
