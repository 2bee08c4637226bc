"""The demo's records: page views, users, orders and reviews, as endless deterministic streams.

`broker` produces them, `datagen` some of them and a click stream; the field names come from the
talk that the demo repeats.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MAKERS", "STREAMS", "Make", "Record"]

Make = Callable[[random.Random, int, int], tuple[str, dict[str, Any]]]  # (chance, number, now)

USERS = [f"User_{n}" for n in range(1, 41)]
REGIONS = [f"Region_{n}" for n in range(1, 10)]
GENDERS = ["FEMALE", "MALE", "OTHER"]
ITEMS = [("espresso", 3.2), ("croissant", 2.8), ("flat white", 4.5), ("bagel", 5.1), ("tea", 2.4)]
CITIES = [("Lisbon", "PT"), ("Zürich", "CH"), ("Kraków", "PL"), ("Austin", "US"), ("大阪", "JP")]
ADJECTIVES = (  # by the stars of a review
    ("cold", "awful", "stale"), ("slow", "weak", "small"), ("fine", "plain", "warm"),
    ("good", "fresh", "quick"), ("great", "lovely", "perfect"),
)  # fmt: skip
HURRY, HURRIED = 80, 25  # of so many views the last are of one user, much too fast: a robot


@dataclass(frozen=True, slots=True)
class Record:
    """One record to produce; `timestamp` in milliseconds."""

    topic: str
    key: bytes
    value: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Stream:
    """One topic of the demo: the number of old records, and of new records a second."""

    topic: str
    history: int
    per_second: float
    make: Make

    def records(self, seed: int, first: int, timestamps: Iterator[int]) -> Iterator[Record]:
        """Records from number `first` on, one for each timestamp."""
        for number, timestamp in enumerate(timestamps, first):
            chance = random.Random(f"{self.topic} {seed} {number}")
            key, value = self.make(chance, number, timestamp)
            payload = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
            yield Record(self.topic, key.encode(), payload, timestamp)


def _pageview(chance: random.Random, number: int, now: int) -> tuple[str, dict[str, Any]]:
    user = chance.choice(USERS)
    if number % HURRY >= HURRY - HURRIED:
        user = USERS[number // HURRY * 7 % len(USERS)]
    page = f"Page_{min(int(chance.expovariate(0.05)) + 10, 99)}"
    return user, {"viewtime": now, "userid": user, "pageid": page}


def _user(chance: random.Random, number: int, now: int) -> tuple[str, dict[str, Any]]:
    user = USERS[number % len(USERS)]
    return user, {
        "registertime": now - chance.randrange(86_400_000),
        "userid": user,
        "regionid": chance.choice(REGIONS),
        "gender": chance.choice(GENDERS),
    }


def _order(chance: random.Random, number: int, now: int) -> tuple[str, dict[str, Any]]:
    city, country = chance.choice(CITIES)
    lines = [
        (name, chance.randint(1, 4), price)
        for name, price in chance.sample(ITEMS, chance.randint(1, 3))
    ]
    return str(number), {
        "ordertime": now,
        "orderid": number,
        "userid": chance.choice(USERS),
        "total": round(sum(quantity * price for _, quantity, price in lines), 2),
        "address": {"city": city, "country": country},
        "items": [{"name": n, "quantity": q, "price": p} for n, q, p in lines],
    }


def _review(chance: random.Random, number: int, now: int) -> tuple[str, dict[str, Any]]:
    user = chance.choice(USERS)
    stars = chance.choice((1, 2, 3, 4, 4, 5))
    item, _ = chance.choice(ITEMS)
    first, second = chance.sample(ADJECTIVES[stars - 1], 2)
    text = f"The {item} was {first} and the service {second}"
    return user, {"userid": user, "stars": stars, "text": text}


AGENTS = ("Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (iPhone)", "curl/8.5.0")
PAGES = ("/", "/menu", "/cart", "/checkout", "/images/logo.png", "/login")


def _click(chance: random.Random, number: int, now: int) -> tuple[str, dict[str, Any]]:
    user = chance.choice(USERS)
    ip = f"10.0.{chance.randrange(4)}.{chance.randrange(1, 255)}"
    return ip, {
        "ip": ip,
        "userid": user,
        "time": now,
        "request": f"GET {chance.choice(PAGES)} HTTP/1.1",
        "status": chance.choices((200, 302, 404, 500), (90, 5, 4, 1))[0],
        "bytes": chance.randrange(200, 20_000),
        "referrer": "-" if chance.random() < 0.5 else f"https://shop{chance.choice(PAGES)}",
        "agent": chance.choice(AGENTS),
    }


MAKERS: Mapping[str, Make] = {
    "pageviews": _pageview, "users": _user, "orders": _order, "clickstream": _click,
}  # fmt: skip
STREAMS = (
    Stream("pageviews", 20_000, 20.0, _pageview),
    Stream("users", 200, 0.5, _user),
    Stream("orders", 5_000, 2.0, _order),
    Stream("reviews", 1_000, 4.0, _review),
)
