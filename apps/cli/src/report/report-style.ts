/** The style sheet of reports: readable, light or dark as the reader's system is, nothing loaded from anywhere. */
export const REPORT_STYLE = `
:root{color-scheme:light dark;--page:#fbfaf8;--card:#fff;--text:#1d1f23;--muted:#646a73;--line:#dedad3;--good:#3b7dd8;--bad:#e07b39;--right:#2e9d5b;--wrong:#d33c4b;--accent:#7a4fd0}
@media(prefers-color-scheme:dark){:root{--page:#15161a;--card:#1d1f25;--text:#e9e7e2;--muted:#9aa0aa;--line:#33363e;--good:#6aa5f5;--bad:#f09a5c;--right:#4cc57d;--wrong:#f06472;--accent:#b08cf5}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1040px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:30px;line-height:1.2;margin:0 0 8px;letter-spacing:-.01em}
h2{font-size:20px;margin:40px 0 8px}
p{margin:8px 0;max-width:74ch}
.lead{font-size:17px;color:var(--muted)}
.note{color:var(--muted);font-size:14.5px}
.cards{display:flex;flex-wrap:wrap;gap:14px;margin:22px 0 6px}
.card{flex:1 1 190px;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px 18px}
.card b{display:block;font-size:30px;line-height:1.15;font-variant-numeric:tabular-nums}
.card span{color:var(--muted);font-size:14px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:12px 0;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:7px 12px;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;white-space:normal}
th{font-weight:600;color:var(--muted);font-size:14px}
tr.highlight td{font-weight:650}
svg.histogram{width:100%;height:auto;background:var(--card);border:1px solid var(--line);border-radius:12px;margin:10px 0}
.histogram .grid{stroke:var(--line);stroke-width:1}
.histogram .tick{fill:var(--muted);font-size:11.5px}
.histogram .good,.histogram .all{fill:var(--good)}
.histogram .bad{fill:var(--bad)}
.histogram .threshold{stroke:var(--text);stroke-width:1.5;stroke-dasharray:5 4}
.histogram .threshold-label{fill:var(--text);font-size:12.5px;font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:6px 20px;color:var(--muted);font-size:14px}
.legend i{display:inline-block;width:12px;height:12px;border-radius:3px;margin-right:6px;vertical-align:-1px}
.legend .ring{background:none;border:3px solid}
.identity{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:12px 14px 14px;margin:14px 0}
.identity h3{font-size:16px;margin:0 0 8px}
.identity h3 small{color:var(--muted);font-weight:400;margin-left:8px}
.rows{display:grid;grid-template-columns:1fr 1fr;gap:14px}
@media(max-width:720px){.rows{grid-template-columns:1fr}}
.rows h4{font-size:13px;font-weight:600;color:var(--muted);margin:0 0 4px}
.faces{display:flex;flex-wrap:wrap;gap:6px}
figure{margin:0;width:66px}
figure img{display:block;width:66px;height:66px;border-radius:8px;border:3px solid transparent;object-fit:cover}
figure.right img{border-color:var(--right)}
figure.wrong img{border-color:var(--wrong)}
figcaption{font-size:11.5px;color:var(--muted);text-align:center;line-height:1.35;font-variant-numeric:tabular-nums}
.more{align-self:center;color:var(--muted);font-size:13px}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,monospace;background:color-mix(in srgb,var(--line) 45%,transparent);padding:1px 5px;border-radius:5px}
footer{margin-top:48px;color:var(--muted);font-size:13.5px;border-top:1px solid var(--line);padding-top:12px}
`.replaceAll('\n', '');
