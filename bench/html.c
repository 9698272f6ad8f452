/* The frame of a page. Colours are Okabe and Ito's, which the colour-blind tell apart, darker or lighter where contrast
 * asks for it; nothing is told by colour alone. The script sorts tables, and is all that is lost without it. */
#include "html.h"

#include <stdarg.h>

static const char *const style[] = {
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1b1b1b;--muted:#555;--line:#d4d4d4;--band:#f4f6f8;",
    "--faster:#0072b2;--slower:#b84600;--whisker:#1b1b1b;--g0:#0072b2;--g1:#c25200;--g2:#00795a;--g3:#a8487a}",
    "@media screen and (prefers-color-scheme:dark){:root{--paper:#15181b;--ink:#ececec;--muted:#b3b9bf;",
    "--line:#3a4147;--band:#1e2327;--faster:#56b4e9;--slower:#f0a23c;--whisker:#fff;--g0:#56b4e9;--g1:#f0a23c;",
    "--g2:#3ccf9f;--g3:#e79cc6}}",
    "*{box-sizing:border-box}",
    "body{margin:0 auto;padding:1.5rem 1rem 4rem;max-width:68rem;background:var(--paper);color:var(--ink);",
    "font:16px/1.5 system-ui,sans-serif}",
    "h1{font-size:1.8rem;line-height:1.2;margin:0 0 .3rem}",
    "h2{font-size:1.35rem;margin:2.8rem 0 .6rem;padding-top:.8rem;border-top:2px solid var(--line)}",
    "h3{font-size:1.05rem;margin:1.8rem 0 .4rem}",
    "p{margin:.5rem 0;max-width:46rem}a{color:var(--faster)}",
    "nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;padding:0;margin:.8rem 0}",
    ".muted,figcaption span,caption span{color:var(--muted);font-weight:400}",
    "pre{background:var(--band);border:1px solid var(--line);border-radius:6px;padding:.7rem .9rem;overflow-x:auto;",
    "font-size:.85rem;white-space:pre-wrap;overflow-wrap:anywhere}",
    ".cards{display:flex;flex-wrap:wrap;gap:.8rem;margin:1rem 0;padding:0;list-style:none}",
    ".cards li{flex:1 1 13rem;max-width:24rem;background:var(--band);border:1px solid var(--line);border-radius:8px;",
    "padding:.7rem .9rem;font-size:.9rem}",
    ".cards b{display:block;font-size:1.9rem;line-height:1.2;font-variant-numeric:tabular-nums}",
    ".scroll{overflow-x:auto;margin:.6rem 0 1.2rem;width:max-content;min-width:100%;max-width:calc(100vw - 3rem);",
    "position:relative;left:50%;transform:translateX(-50%)}",
    ".scroll table{min-width:min(100%,40rem)}.scroll tbody th,.scroll thead th:first-child{position:sticky;left:0;",
    "background:var(--paper)}",
    "table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}",
    "caption{text-align:left;max-width:calc(100vw - 2rem);font-weight:600;padding:.3rem 0;font-size:.95rem}",
    "th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap}",
    "thead th{vertical-align:bottom;white-space:normal;min-width:4.2rem;border-bottom:2px solid var(--ink)}",
    "td.n,th.n{text-align:right}tbody th{font-weight:600}tbody tr:hover>*{background:var(--band)}",
    "table.facts th{font-weight:600;vertical-align:top}table.facts td{white-space:normal}",
    "td.faster{color:var(--faster);font-weight:600}td.slower{color:var(--slower);font-weight:600}",
    "td.undecided{font-style:italic;color:var(--muted)}",
    "thead button{all:unset;cursor:pointer;font-weight:inherit}thead button:focus-visible{outline:2px solid}",
    "thead button::after{content:'\\00a0\\2195';color:var(--muted)}",
    "th[aria-sort=ascending] button::after{content:'\\00a0\\2191';color:inherit}",
    "th[aria-sort=descending] button::after{content:'\\00a0\\2193';color:inherit}",
    "figure{margin:1rem 0 1.6rem}figcaption{font-weight:600;margin-bottom:.3rem}svg{display:block;width:100%}",
    "svg text{fill:var(--ink);font-size:12px;font-variant-numeric:tabular-nums}",
    "svg text.muted,svg text.tick{fill:var(--muted);font-size:11px}",
    "svg .grid{stroke:var(--line)}svg .one{stroke:var(--ink);stroke-width:1.5}svg .hit{fill:transparent}",
    "svg g:hover>.hit{fill:var(--band)}",
    ".faster>.bar{fill:var(--faster)}.slower>.bar{fill:var(--slower)}",
    ".undecided>.bar{fill:none;stroke:var(--muted);stroke-width:1.5;stroke-dasharray:4 3}",
    ".whisker{stroke:var(--paper);stroke-width:4}.whisker+.whisker,.end{stroke:var(--whisker);stroke-width:1.5}",
    ".target{stroke:var(--ink);stroke-width:2.5;stroke-dasharray:2 2}",
    ".roof{stroke:var(--ink);stroke-width:2}",
    ".g0{--g:var(--g0)}.g1{--g:var(--g1)}.g2{--g:var(--g2)}.g3{--g:var(--g3)}",
    ".ours{fill:var(--g);stroke:var(--paper)}.peer{fill:var(--paper);stroke:var(--g);stroke-width:1.5}",
    ".gap{stroke:var(--g);stroke-opacity:.5}",
    ".legend{display:flex;flex-wrap:wrap;gap:.1rem 1.3rem;font-size:.8rem;color:var(--muted);margin:.2rem 0;padding:0;",
    "list-style:none}.legend svg{display:inline-block;width:28px;height:12px;vertical-align:-1px;margin-right:.35rem}",
    "details{margin:.8rem 0}summary{cursor:pointer;font-weight:600}",
    "@media (max-width:900px){.wide{display:none}}@media (max-width:640px){body{padding:1rem .75rem 3rem}",
    "h1{font-size:1.45rem}.scroll{max-width:calc(100vw - 1.5rem)}}",
    "@media print{body{max-width:none;padding:0;font-size:10pt}nav,.sorts,.aside{display:none}figure,tr,.cards li{",
    "break-inside:avoid}h2,h3,figcaption,caption{break-after:avoid}.scroll{overflow:visible;width:auto;left:0;",
    "transform:none}table{font-size:6.5pt}",
    "th,td{padding:.1rem .2rem;white-space:normal}thead th{min-width:0}thead button::after{content:none}",
    "details::details-content{content-visibility:visible;block-size:auto}.cards b{font-size:1.4rem}}",
};

static const char *const script[] = {
    "for (const table of document.querySelectorAll('table.sort')) {",
    "  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];",
    "  const key = (row, i) => row.cells[i].dataset.value ?? row.cells[i].textContent;",
    "  const order = (a, b) => a === '' || b === '' ? (a === '') - (b === '')",
    "    : isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;",
    "  heads.forEach((head, i) => {",
    "    const button = document.createElement('button');",
    "    button.append(...head.childNodes);",
    "    head.append(button);",
    "    button.addEventListener('click', () => {",
    "      const down = head.getAttribute('aria-sort') === 'ascending';",
    "      heads.forEach(other => other.removeAttribute('aria-sort'));",
    "      head.setAttribute('aria-sort', down ? 'descending' : 'ascending');",
    "      const known = [...body.rows].filter(row => key(row, i) !== '');",
    "      const rest = [...body.rows].filter(row => key(row, i) === '');",
    "      known.sort((a, b) => (down ? -1 : 1) * order(key(a, i), key(b, i)));",
    "      body.append(...known, ...rest);",
    "    });",
    "  });",
    "  table.caption?.insertAdjacentHTML('beforeend', ' <span class=\"sorts\">Click a heading to sort.</span>');",
    "}",
};

void stoa_bench_html_text(const char *text, FILE *out)
{
    for (; *text; text++)
        switch (*text) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default: /* control characters have no place in HTML */
            fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
        }
}

void stoa_bench_html_format(FILE *out, const char *format, ...)
{
    char text[1024];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    stoa_bench_html_text(text, out);
}

void stoa_bench_html_begin(const char *title, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
          "script-src 'unsafe-inline'; img-src data:\">\n<link rel=\"icon\" href=\"data:,\">\n<title>",
          out);
    stoa_bench_html_text(title, out);
    fputs("</title>\n<style>\n", out);
    for (size_t i = 0; i < sizeof style / sizeof *style; i++)
        fprintf(out, "%s\n", style[i]);
    fputs("</style>\n</head>\n<body>\n<h1>", out);
    stoa_bench_html_text(title, out);
    fputs("</h1>\n", out);
}

void stoa_bench_html_end(FILE *out)
{
    fputs("<script>\n", out);
    for (size_t i = 0; i < sizeof script / sizeof *script; i++)
        fprintf(out, "%s\n", script[i]);
    fputs("</script>\n</body>\n</html>\n", out);
}
