// A page of HTML in headless Chromium, beside the JSON it was made from:
//   node page.js PLAYWRIGHT_FOLDER CHROMIUM PAGE.html RESULTS.json
// Prints what is wrong and exits with 1, or prints nothing.
'use strict';
const [, , folder, executablePath, page_path, json_path] = process.argv;
const path = require('path');
const { readFileSync } = require('fs');
const { chromium } = require(path.join(path.resolve(folder), 'node_modules', 'playwright-core'));

const record = JSON.parse(readFileSync(json_path, 'utf8'));
const wrong = [];
const expect = (right, text) => right || wrong.push(text);
const near = (a, b) => Math.abs(a - b) <= 2e-5 * Math.abs(b);

// A page opened on the file, and every error and every request that its opening gave.
async function open(browser, options) {
  const page = await browser.newPage(options);
  const noise = [];
  page.on('console', message => noise.push(message.text()));
  page.on('pageerror', error => noise.push(error.message));
  page.on('request', request => /^(file|data):/.test(request.url()) || noise.push(`asks for ${request.url()}`));
  await page.goto('file://' + path.resolve(page_path));
  return { page, noise };
}

const attributes = (page, selector) =>
  page.$$eval(selector, elements => elements.map(element => ({ ...element.dataset, title: element.textContent })));

async function check_charts(page) {
  const bars = await attributes(page, 'svg.bars g[data-value]');
  for (const one of record.cases)
    for (const entry of one.entries.filter(entry => entry.ratio && !entry.ours)) {
      const rival = one.entries[entry.rival];
      const best = one.entries.filter(other => other.ratio && other.family === entry.family &&
        other.threads === entry.threads && one.entries[other.rival] === rival)
        .every(other => other.ratio.value >= entry.ratio.value);
      if (!best) continue;
      expect(bars.some(bar => bar.name === one.name && near(bar.value, entry.ratio.value) &&
        near(bar.low, entry.ratio.low) && near(bar.high, entry.ratio.high) && bar.verdict === entry.ratio.verdict &&
        Math.abs(parseFloat(bar.title.split(': ')[1]) - entry.ratio.value) < 0.00051), `no bar of ${one.name}, ${entry.name}`);
    }
  const places = await page.$$eval('svg.bars', charts => charts.map(chart => {
    const box = chart.getBoundingClientRect();
    return [...chart.querySelectorAll('rect.bar, line.whisker, line.target')].every(mark => {
      const { left, right, bottom } = mark.getBoundingClientRect();
      return left >= box.left - 1 && right <= box.right + 1 && bottom <= box.bottom + 1;
    });
  }));
  expect(places.length && places.every(Boolean), 'a bar lies outside its chart');
  // On a logarithmic axis a bar's length goes with its ratio's logarithm, the same in all of a chart.
  const scales = await page.$$eval('svg.bars', charts => charts.map(chart =>
    [...chart.querySelectorAll('g[data-value]')].map(group => [Math.abs(Math.log(group.dataset.value)),
      parseFloat(group.querySelector('rect.bar').getAttribute('width'))])));
  for (const chart of scales) {
    const sum = i => chart.reduce((total, bar) => total + bar[i], 0), scale = sum(1) / sum(0);
    expect(chart.every(([log, width]) => Math.abs(width - scale * log) < 0.03), 'a bar has a wrong length');
  }
  const points = await attributes(page, 'svg.roofline svg.point');
  for (const one of record.cases.filter(one => one.flops && one.bytes)) {
    const entry = one.entries.find(entry => entry.name === 'stoa' && entry.seconds.length);
    expect(!entry || points.some(point => point.name === one.name && point.who === 'stoa' &&
      near(point.intensity, one.flops / one.bytes) && near(point.gflops, 1e-9 * one.flops / entry.median)),
      `no point of ${one.name} in the roofline`);
  }
}

async function check_table(page, scripted) {
  const column = (table, index) => table.$$eval('tbody tr',
    (rows, i) => rows.map(row => row.cells[i].dataset.value ?? row.cells[i].textContent), index);
  const table = await page.$('table.sort');
  const heads = await table.$$eval('thead th', heads => heads.map(head => head.textContent));
  const time = heads.findIndex(head => head.startsWith('stoa,')), name = heads.indexOf('case');
  expect(time > 0 && name === 0, `the table has the heads ${heads}`);
  const before = await column(table, time);
  const medians = record.cases.flatMap(one => one.entries.filter(entry => entry.name === 'stoa'))
    .map(entry => entry.median);
  expect(before.length === medians.length && before.every((value, i) => near(value || 0, medians[i])),
    'the table does not hold the medians in the order of the file');
  expect(await table.$('caption'), 'the table has no caption');
  const buttons = await table.$$('thead button');
  if (!scripted) {
    expect(buttons.length === 0, 'there are buttons that do nothing');
    return;
  }
  const sorted = [...before].sort((a, b) => a - b), names = (await column(table, name)).sort();
  await buttons[time].click();
  expect(String(await column(table, time)) === String(sorted), 'a click does not sort by numbers');
  expect(await table.$eval('thead tr', (row, i) => row.cells[i].ariaSort, time) === 'ascending', 'aria-sort is not set');
  await buttons[time].press('Enter');
  expect(String(await column(table, time)) === String(sorted.reverse()), 'a key does not turn the order round');
  await buttons[name].click();
  expect(String((await column(table, name)).map(String)) === String(names.sort((a, b) => a.localeCompare(b))),
    'a click does not sort by words');
}

// The contrast of text on what it stands on, as WCAG counts it.
async function check_contrast(page, scheme) {
  const least = await page.evaluate(() => {
    const light = color => color.match(/[\d.]+/g).slice(0, 3).map(value => value / 255)
      .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
      .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
    const paper = light(getComputedStyle(document.body).backgroundColor);
    const contrast = color => (Math.max(light(color), paper) + 0.05) / (Math.min(light(color), paper) + 0.05);
    const all = [...document.querySelectorAll('p, td, th, a, li, figcaption span, button')]
      .map(element => contrast(getComputedStyle(element).color));
    const drawn = [...document.querySelectorAll('svg text')].map(element => contrast(getComputedStyle(element).fill));
    return { least: Math.min(...all, ...drawn), paper };
  });
  expect(least.least >= 4.5, `text of ${scheme} has a contrast of ${least.least.toFixed(2)}`);
  expect(scheme === 'dark' ? least.paper < 0.1 : least.paper > 0.9, `${scheme} is not ${scheme}`);
}

async function main() {
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  for (const [name, options] of [
    ['light', { colorScheme: 'light', viewport: { width: 1280, height: 900 } }],
    ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 900 } }],
    ['narrow', { colorScheme: 'light', viewport: { width: 400, height: 800 } }],
    ['without scripts', { colorScheme: 'light', javaScriptEnabled: false, viewport: { width: 1280, height: 900 } }],
  ]) {
    const before = wrong.length, { page, noise } = await open(browser, options);
    expect(noise.length === 0, `the browser says: ${noise.join('; ')}`);
    await check_charts(page);
    await check_table(page, options.javaScriptEnabled !== false);
    await check_contrast(page, options.colorScheme);
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page is too wide');
    expect((await page.innerText('body')).includes(record.machine.cpu), 'the machine is not told');
    for (let i = before; i < wrong.length; i++) wrong[i] = `${name}: ${wrong[i]}`;
    await page.close();
  }
  const { page } = await open(browser, { colorScheme: 'dark' });
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await check_contrast(page, 'light');
  await browser.close();
}

main().then(() => {
  wrong.forEach(text => console.log(text));
  process.exit(wrong.length ? 1 : 0);
}, error => {
  console.log(error.message);
  process.exit(1);
});
