#!/usr/bin/env python3
"""Lines of an access log in the combined format: access_log.py N [bad]. Forty a second; with `bad` a tenth of them is cut off. Always the same bytes."""
import random, sys

PATHS = ("/", "/index.html", "/api/v1/login", "/api/v1/items?id=%d", "/static/app.%d.js", "/search?q=caf%%C3%%A9&page=%d", "/img/logo.png", "/cart/%d/checkout")
AGENTS = ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
          "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
          "curl/8.5.0", "Mozilla/5.0 (compatible; bot/2.1; +http://www.example.com/bot.html)", "-")
REFERERS = ("-", "-", "https://www.example.com/start", "https://news.example.org/a?x=1&y=2")


def line(r, i):
    second, byte = i // 40, lambda: r.randrange(256)
    path = r.choice(PATHS)
    path = path % r.randrange(100000) if "%d" in path else path
    status = r.choice((200,) * 16 + (301, 304, 404, 500))
    size = "-" if status == 304 else r.randrange(1, 100000)
    time = f"{20 + second // 86400:02}/Nov/2026:{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02} +0100"
    return (f'10.{byte()}.{byte()}.{byte()} - {r.choice(("-",) * 9 + ("frank",))} [{time}] "{r.choice(("GET",) * 3 + ("POST",))} {path} HTTP/1.1"'
            f' {status} {size} "{r.choice(REFERERS)}" "{r.choice(AGENTS)}"\n')


def main():
    n, bad, r = int(float(sys.argv[1])), "bad" in sys.argv[2:], random.Random(1)
    for i in range(n):
        text = line(r, i)
        sys.stdout.write(text[:50] + "\n" if bad and r.randrange(10) == 0 else text)


if __name__ == "__main__":
    main()
