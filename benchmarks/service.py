"""Measure the service on loopback: requests a second and waiting times, with and without batches, memory, start.

    .venv/bin/python -m benchmarks.service [--model M] [--clients 1 8 32] [--seconds S] [--requests N]

Every client sends a clip of 3 s as WAV with four queries, waits for the answer, and sends the next. The service and the
clients are processes of their own that share the cores of this machine. "Without batches" is the same service with
--max-batch 1. The first requests of each run, which embed the queries, are not counted.
"""

import argparse
import contextlib
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.inference import print_machine, write_clips

NUM_CLIPS = 32
QUERIES = ("an angry man", "a calm woman", "a tired voice", "a child")
BOUNDARY = "a-boundary-that-no-clip-has"
NUM_PARTS = 10  # of a long run, after each of which memory is read


@dataclass(frozen=True)
class Service:
    """Hold a service that runs: its process, its port, and how long it took to answer."""

    process: subprocess.Popen[str]
    port: int
    seconds_to_ready: float

    @property
    def memory_mb(self) -> float:
        """What the service has in memory, without its decoders; 0 where the system does not tell."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            return 0.0
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@dataclass(frozen=True)
class Load:
    """Hold how fast requests were answered: their seconds, and how long all of them took."""

    seconds: tuple[float, ...]
    total: float
    num_refused: int

    def __str__(self) -> str:
        p50, p95 = np.percentile(self.seconds, [50, 95]) * 1000
        refused = f", {self.num_refused} refused" if self.num_refused else ""
        return f"{len(self.seconds) / self.total:8.1f} requests/s, p50 {p50:6.0f} ms, p95 {p95:6.0f} ms{refused}"


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder or hub id; the model inside the package if left out")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=15.0, help="of each run")
    parser.add_argument("--requests", type=int, default=10_000, help="over which memory is watched; 0 leaves it out")
    given = parser.parse_args()
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        clips = sorted(write_clips(Path(folder) / "clips", NUM_CLIPS).iterdir())
        bodies = [make_body(clip) for clip in clips]
        rates: dict[tuple[str, int], float] = {}
        for name, options in (("without batches", ["--max-batch", "1"]), ("with batches", [])):
            with run_service(given.model, options) as service:
                print(f"{name}: {service.seconds_to_ready:.1f} s from start to ready, {service.memory_mb:.0f} MB")
                for number in given.clients:
                    load = measure(service.port, bodies, num_clients=number, seconds=given.seconds)
                    rates[name, number] = len(load.seconds) / load.total
                    print(f"  {number:3d} clients: {load}")
        for number in given.clients:
            ratio = rates["with batches", number] / rates["without batches", number]
            print(f"{number:3d} clients: {ratio:.2f} times the requests/s of the service without batches")
        if given.requests:
            with run_service(given.model, []) as service:
                watch_memory(service, bodies, given.requests)


def watch_memory(service: Service, bodies: Sequence[bytes], num_requests: int) -> None:
    """Print the memory of a service during many requests by eight clients."""
    for part in range(1, NUM_PARTS + 1):
        measure(service.port, bodies, num_clients=8, num_requests=num_requests // NUM_PARTS)
        print(f"  {part * num_requests // NUM_PARTS:6d} requests: {service.memory_mb:.0f} MB")


@contextlib.contextmanager
def run_service(model: str | None, options: Sequence[str]) -> Iterator[Service]:
    """Yield a service that is ready."""
    arguments = ["serve", "--port", "0", *options, *(["--model", model] if model else [])]
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "paraclap", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        address = "" if process.stdout is None else process.stdout.readline().strip()
        if not address:
            sys.exit("the service does not start; 'paraclap serve' says why")
        yield Service(process, int(address.rpartition(":")[2]), time.monotonic() - began)
    finally:
        process.terminate()
        process.wait()


def measure(
    port: int,
    bodies: Sequence[bytes],
    *,
    num_clients: int,
    seconds: float | None = None,
    num_requests: int | None = None,
) -> Load:
    """Ask with so many clients at once, for some seconds or so many requests in all."""
    ask(http.client.HTTPConnection("127.0.0.1", port), bodies[0])  # embeds the queries
    began = time.monotonic()
    each = None if num_requests is None else num_requests // num_clients

    def run_client(number: int) -> tuple[list[float], int]:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        found, num_refused = list[float](), 0
        while (len(found) < each) if each is not None else (time.monotonic() - began < (seconds or 0)):
            sent = time.monotonic()
            if ask(connection, bodies[(number + len(found)) % len(bodies)]) == http.client.OK:
                found.append(time.monotonic() - sent)
            else:
                num_refused += 1
                time.sleep(0.1)
        connection.close()
        return found, num_refused

    with ThreadPoolExecutor(num_clients) as clients:
        results = list(clients.map(run_client, range(num_clients)))
    times = tuple(value for found, _ in results for value in found)
    return Load(times, time.monotonic() - began, sum(refused for _, refused in results))


def ask(connection: http.client.HTTPConnection, body: bytes) -> int:
    """Send one request and return the status of its answer."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection.request("POST", "/v1/classify", body, headers)
    response = connection.getresponse()
    response.read()
    return response.status


def make_body(clip: Path) -> bytes:
    """Return a form with a clip and the queries."""
    opening = f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
    fields = "".join(f'{opening}name="query"\r\n\r\n{query}\r\n' for query in QUERIES)
    file = f'{opening}name="file"; filename="{clip.name}"\r\n\r\n'
    return fields.encode() + file.encode() + clip.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
