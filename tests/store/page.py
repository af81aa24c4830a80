"""The live page in a headless Chromium, spoken to by its debugging port: page.py URL CHECK...

The checks are the functions below; each opens the page anew. A failure is told by its assertion, exit 1. PAGE_SHOTS=DIR keeps pictures.
Whatever the check, no request may leave the page's origin, and nothing may offend its policy or throw.
"""
import asyncio
import base64
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import websockets

url = sys.argv[1]
origin = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(url))
SECONDS = 30


class Page:
    def __init__(self, socket):
        self.socket, self.n, self.asked, self.waiting, self.wrong = socket, 0, [], {}, []

    async def read(self):
        async for text in self.socket:
            told = json.loads(text)
            if "id" in told:
                self.waiting.pop(told["id"]).set_result(told)
            else:
                self.note(told["method"], told["params"])

    def note(self, method, params):
        if method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.asked.append(params["url"].replace("ws", "http", 1))
        elif method == "Runtime.exceptionThrown":
            self.wrong.append(params["exceptionDetails"])
        elif method == "Log.entryAdded" and params["entry"]["source"] in ("security", "violation"):
            self.wrong.append(params["entry"])
        elif method == "Audits.issueAdded" and "contentSecurityPolicy" in json.dumps(params):
            self.wrong.append(params)

    async def do(self, method, **params):
        self.n += 1
        self.waiting[self.n] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"id": self.n, "method": method, "params": params}))
        told = await asyncio.wait_for(self.waiting[self.n], SECONDS)
        assert "error" not in told, told
        return told["result"]

    async def eval(self, text):
        told = await self.do("Runtime.evaluate", expression=text, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def until(self, text, seconds=SECONDS):
        end = time.monotonic() + seconds
        while not await self.eval(text):
            assert time.monotonic() < end, (text, await self.eval("document.body.innerText"))
            await asyncio.sleep(0.1)

    async def size(self, width, scheme="light"):
        await self.do("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        await self.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def shot(self, name):
        if "PAGE_SHOTS" in os.environ:
            told = await self.do("Page.captureScreenshot", captureBeyondViewport=True)
            with open(f"{os.environ['PAGE_SHOTS']}/{name}.png", "wb") as f:
                f.write(base64.b64decode(told["data"]))

    async def key(self, name):
        for kind in "rawKeyDown", "keyUp":
            await self.do("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode={"ArrowLeft": 37}[name])

    async def open(self, at=url):
        for part in "Page", "Runtime", "Network", "Log", "Audits":
            await self.do(part + ".enable")
        await self.do("Emulation.setScrollbarsHidden", hidden=True)
        await self.size(1280)
        await self.do("Page.navigate", url=at)

    def judge(self):
        assert not self.wrong, self.wrong
        assert self.asked
        others = [u for u in self.asked if not u.startswith(origin + "/")]
        assert not others, others


shown = "document.querySelectorAll('#rule-list .rule tbody tr').length > 0"
how = "(document.getElementById('link')?.textContent || '')"


async def numbers(page):
    """Health, stages, rules: by WebSocket, at both widths and in both schemes, without overflow."""
    await page.open()
    await page.until(shown)
    await page.until(how + ".includes('Live by WebSocket')")
    await page.until("document.querySelectorAll('#stages tbody tr').length >= 4")
    await page.until("[...document.querySelectorAll('.chart path')].some(p => p.getAttribute('d'))")
    await page.until("/[0-9]/.test(document.querySelector('#stages tbody tr').children[2].textContent)")
    assert await page.eval("document.getElementById('stale').hidden")
    assert await page.eval("/Duplicate\\s+600/.test(document.getElementById('health').innerText)")
    assert await page.eval("[...document.querySelectorAll('.rule tbody td')].some(td => td.textContent === '<b>&\"')")
    for width in 1280, 400:
        for scheme in "light", "dark":
            await page.size(width, scheme)
            await page.shot(f"page-{width}-{scheme}")
            assert await page.eval("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
    await page.eval("document.querySelector('.chart').focus()")
    await page.key("ArrowLeft")
    await page.until("/UTC: .+ [0-9]/.test(document.querySelector('figcaption').textContent)")
    await page.eval("document.querySelector('figure details').open = true")
    await page.until("document.querySelectorAll('figure tbody tr').length > 0")
    unnamed = "[...document.querySelectorAll('a,button,input,summary,[tabindex=\"0\"]')].filter(n => !(n.textContent.trim() || n.getAttribute('aria-label') || n.labels?.[0]))"
    assert await page.eval(unnamed + ".length") == 0


def post(stop):
    """Posts to PAGE_INTAKE, of ten posts one that is no JSON, until it is to stop."""
    at = os.environ["PAGE_INTAKE"] + "/events"
    for i in range(100000):
        body = "{" if i % 10 == 9 else json.dumps({"event_type": "click", "user_id": "u", "payload": {"n": i}})
        try:
            urllib.request.urlopen(urllib.request.Request(at, body.encode(), {"Content-Type": "application/json"}), timeout=20).read()
        except urllib.error.HTTPError as why:
            assert why.code == 400, why
        if stop.wait(0.02):
            break


async def intake(page):
    """What an intake tells: posts a second, how long they took, what was refused, its log; that it rests, and that it has gone. PAGE_INTAKE
    is its address, PAGE_PROCESS its process."""
    card = "document.querySelector('#intakes .card')"
    told = "Object.fromEntries([..." + card + ".querySelectorAll('dl div')].map(d => [d.children[0].textContent, d.children[1].textContent]))"
    await page.open()
    await page.until(card + " && /takes events/.test(" + card + ".textContent)")
    await page.until(shown + " && /, 1m: /.test(document.querySelector('.rule summary').textContent)")
    await page.until("document.querySelector('.rule th').textContent === 'endpoint' && [...document.querySelectorAll('.chart path')].some(p => p.getAttribute('d'))")
    assert await page.eval("[...document.querySelectorAll('.legend span')].every(n => n.textContent.startsWith('/api/'))")
    assert await page.eval("document.querySelector('#intakes').compareDocumentPosition(document.querySelector('#health')) === 4")
    stop = threading.Event()
    posts = threading.Thread(target=post, args=(stop,))
    posts.start()
    try:
        await page.until("(t => Number(t['Posts/s']) > 3 && /^≤ [0-9.]+ m?s$/.test(t['Ack p50']) && /^≤ /.test(t['Ack p99']) && Number(t['4xx']) > 3)(" + told + ")")
        for width in 1280, 400:
            for scheme in "light", "dark":
                await page.size(width, scheme)
                await page.shot(f"intake-{width}-{scheme}")
                assert await page.eval("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
    finally:
        stop.set()
        posts.join()
    await page.until("(t => t['Posts/s'] === '0')(" + told + ")")
    with urllib.request.urlopen(os.environ["PAGE_INTAKE"] + "/metrics") as answer:
        text = answer.read().decode()
    refused = sum(float(n) for n in re.findall(r'hta_http_requests_total\{[^}]*method="POST",code="4..".* (.*)', text))
    last = await page.eval(told)
    assert float(last["4xx"]) == refused and last["5xx"] == "0" and re.match(r"[1-9][0-9.]* (KiB|MiB)$", last["Log"]), (last, refused)
    os.kill(int(os.environ["PAGE_PROCESS"]), signal.SIGKILL)
    await page.until("/is not running/.test(" + card + ".textContent)")


async def prefix(page):
    """Below a path of a proxy everything is asked below it."""
    await page.open()
    await page.until(shown)
    await page.until(how + ".includes('Live by WebSocket')")
    outside = [u for u in page.asked if not u.startswith(url) and not u.endswith("/favicon.ico")]
    assert not outside, outside


async def events(page):
    """A proxy that knows no WebSocket: events take its place."""
    await page.open()
    await page.until(how + ".includes('Live by events')", 60)
    await page.until(shown)


async def polling(page):
    """Neither WebSocket nor events: the latest is asked for."""
    await page.open()
    await page.until(how + ".includes('Live by polling')", 60)
    await page.until(shown)


async def again(page):
    """A server that is away is said to be, and found again. PAGE_SERVER is its process, PAGE_AGAIN how it is started."""
    await page.open()
    await page.until(shown)
    os.kill(int(os.environ["PAGE_SERVER"]), signal.SIGTERM)
    await page.until("!document.getElementById('stale').hidden && /Stale since [0-9:]+/.test(document.getElementById('stale').textContent)")
    assert await page.eval("getComputedStyle(document.getElementById('stale')).color") == "rgb(179, 0, 27)"
    await page.shot("page-stale")
    server = subprocess.Popen(shlex.split(os.environ["PAGE_AGAIN"]), stderr=subprocess.DEVNULL)
    try:
        await page.until("document.getElementById('stale').hidden && " + how + ".includes('Live by')", 60)
    finally:
        server.terminate()
        server.wait()


async def key(page):
    """A key is asked for, kept in this tab, and in no address. PAGE_KEY is the key."""
    secret = os.environ["PAGE_KEY"]
    enter = "(k => { document.getElementById('key').value = k; document.querySelector('#login button').click(); })"
    await page.open()
    await page.until("document.getElementById('login')?.hidden === false")
    await page.eval(enter + "('wrong')")
    await page.until("/not known/.test(document.getElementById('login-why').textContent) && !document.getElementById('login').hidden")
    await page.shot("page-key")
    await page.eval(enter + "(" + json.dumps(secret) + ")")
    await page.until(shown)
    await page.until(how + ".includes('Live by WebSocket')", 60)
    assert await page.eval("document.getElementById('login').hidden")
    await page.do("Page.reload")
    await page.until(shown)
    assert not [u for u in page.asked if secret in u], page.asked
    assert not await page.eval("document.documentElement.outerHTML.includes(" + json.dumps(secret) + ")")


async def docs(page):
    """The page of the document, below the same path: endpoints are shown, and one can be tried."""
    await page.open(url + "docs")
    await page.until("document.querySelectorAll('#operations details').length === 21")
    await page.eval("document.querySelector('#get_pipelines').open = true")
    await page.eval("document.querySelector('#get_pipelines button').click()")
    await page.until("/^200/.test(document.querySelector('#get_pipelines').lastChild.textContent)")


async def graphql(page):
    """The page of GraphQL, below the same path: a query runs, with variables and with the keyboard, errors are told, the schema is shown."""
    said = "document.getElementById('answer').textContent"
    await page.open(url + "graphql?query=" + urllib.parse.quote("{ metrics { name } }"))
    await page.until("/rollups\\(metric: String!, .*\\): \\[Rollup!\\]!/.test(document.getElementById('types')?.textContent)")
    assert await page.eval("document.getElementById('query').value") == "{ metrics { name } }"
    await page.eval("document.querySelector('#form button').click()")
    await page.until(said + ".includes('hits')")
    assert await page.eval("/^200 in/.test(document.getElementById('state').textContent)")
    await page.eval("document.getElementById('query').value = 'query Q($n: Int) { latestEvents(limit: $n) { eventId } }'; document.getElementById('variables').value = '{\"n\": 1'")
    await page.eval("document.querySelector('#form button').click()")
    await page.until("/^Variables: /.test(document.getElementById('state').textContent)")
    await page.eval("document.getElementById('variables').value = '{\"n\": 1}'; document.getElementById('query').focus()")
    await page.do("Input.dispatchKeyEvent", type="rawKeyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, modifiers=2)
    await page.until(said + ".includes('no table of events')")
    assert await page.eval("document.getElementById('state').className") == "bad"
    for width in 1280, 400:
        await page.size(width)
        await page.shot(f"graphql-{width}")
        assert await page.eval("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), width
    assert [u for u in page.asked if u == url + "graphql"], page.asked


async def hidden(page):
    """A tab that is not seen asks for nothing."""
    await page.open()
    await page.until(shown)
    await page.eval("Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))")
    await asyncio.sleep(1)
    before = len(page.asked)
    await asyncio.sleep(5)
    assert len(page.asked) == before, page.asked[before:]
    await page.eval("Object.defineProperty(document, 'hidden', { value: false }); document.dispatchEvent(new Event('visibilitychange'))")
    await page.until(how + ".includes('Live by WebSocket')")


async def run(check, port):
    new = urllib.request.Request(f"http://127.0.0.1:{port}/json/new?about:blank", method="PUT")
    target = json.load(urllib.request.urlopen(new))
    async with websockets.connect(target["webSocketDebuggerUrl"], max_size=None) as socket:
        page = Page(socket)
        reader = asyncio.ensure_future(page.read())
        await check(page)
        page.judge()
        reader.cancel()
    urllib.request.urlopen(f"http://127.0.0.1:{port}/json/close/{target['id']}").read()


def browse(checks):
    with tempfile.TemporaryDirectory(dir=os.getcwd(), ignore_cleanup_errors=True) as home:
        args = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0",
                "--disable-background-networking", "--disable-component-update", f"--user-data-dir={home}", "about:blank"]
        browser = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + SECONDS
            while not os.path.exists(home + "/DevToolsActivePort"):
                assert time.monotonic() < end and browser.poll() is None, "chromium does not start"
                time.sleep(0.1)
            with open(home + "/DevToolsActivePort") as f:
                port = int(f.readline())
            for name in checks:
                asyncio.run(run(globals()[name], port))
        finally:
            browser.terminate()
            browser.wait()


browse(sys.argv[2:])
