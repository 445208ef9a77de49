"""One process that spends points as its standard input says: ``spend 300 1 1000``; ours, the peer's or bare."""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module

import django


def main(kind: str, number: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.spending.peer_settings" if kind == "peer" else "example.settings"
    django.setup()
    spend = import_module(f"benchmarks.spending.{kind}").start(first=number == 0)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "spend":
            times, first, last = map(int, words[1:])
            started, done = time.perf_counter(), 0
            for n in range(times):
                # the processes go through the accounts apart from each other
                done += spend(first + (n * 7 + number * (last - first) // 2) % (last - first + 1))
            print(time.perf_counter() - started, done, flush=True)
        else:
            print(words[0], flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
