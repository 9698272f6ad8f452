# Pages of kept benchmark results in headless Chromium, sourced by tests/run.
browser=build/browser
browser_package=playwright-core@1.49
chromium=$(command -v chromium)
if [ -n "$chromium" ] && [ ! -d $browser/node_modules/playwright-core ]; then
    mkdir -p $browser
    timeout 600 npm install --ignore-scripts --no-audit --no-fund --loglevel=error --prefix $browser $browser_package
fi
if [ -n "$chromium" ] && [ -d $browser/node_modules/playwright-core ]; then
    for result in bench/results/*.json; do
        name=$(basename "$result" .json)
        count "$name: a page" build/release/src/cli/stoa bench --html $browser/"$name".html --from "$result"
        count "$name: the page in a browser, light, dark, narrow, without scripts" \
            timeout 300 node tests/bench/page.js $browser "$chromium" $browser/"$name".html "$result"
    done
else
    echo "skipped  pages in a browser: chromium is not there, or npm could not fetch $browser_package"
fi
