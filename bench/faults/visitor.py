"""Somebody who opens the portal's pages and sends its forms, as through a proxy that ends TLS."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@dataclass(frozen=True)
class Page:
    """What a request was answered with, redirects not followed."""

    status: int
    text: str
    headers: Mapping[str, str]


class Visitor:
    """One browser at one web process: a cookie jar and no JavaScript."""

    def __init__(self, http: aiohttp.ClientSession, address: str, cookie: str = "", client: str = "") -> None:
        """`cookie` is a Cookie header to begin with, `client` the address that the proxy says the request is from."""
        self.http, self.address, self.client = http, address, client
        self.cookies = dict(pair.split("=", 1) for pair in cookie.split("; ") if pair)

    async def get(self, path: str) -> Page:
        """Open a page."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, fields: Mapping[str, str | list[str]], form_page: str = "") -> Page:
        """Send a form that stands on `form_page` (the same path by default), with its token."""
        token = TOKEN.search((await self.get(form_page or path)).text)
        pairs = [("csrfmiddlewaretoken", token[1] if token else "")]
        for name, value in fields.items():
            pairs += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return await self._ask("POST", path, pairs)

    async def _ask(self, method: str, path: str, fields: list[tuple[str, str]] | None) -> Page:
        headers = {
            "X-Forwarded-Proto": "https",
            "Referer": f"https://{self.address}{path}",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        if self.client:
            headers["X-Forwarded-For"] = self.client
        url = f"http://{self.address}{path}"
        async with self.http.request(method, url, headers=headers, data=fields, allow_redirects=False) as answer:
            self.cookies |= {name: morsel.value for name, morsel in answer.cookies.items()}
            return Page(answer.status, await answer.text(errors="replace"), dict(answer.headers))
