"""The way back from a driver's own thread: everything arrives, once, and what completes together wakes the event loop once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from croupier.stores.completions import Completions


async def test_what_completes_together_wakes_the_loop_once() -> None:
    """A hundred results that a thread brings while the loop is busy cost one wake-up, and arrive at their own futures."""
    loop = asyncio.get_running_loop()
    completions = Completions(loop)
    futures: list[asyncio.Future[int]] = [loop.create_future() for _ in range(100)]

    def driver() -> None:
        for number, future in enumerate(futures):
            completions.complete(future, number)

    thread = threading.Thread(target=driver)
    thread.start()
    thread.join()  # The loop is busy meanwhile.
    assert await asyncio.gather(*futures) == list(range(100))
    assert completions.wake_ups == 1


async def test_nothing_is_lost_between_threads() -> None:
    """Results that four threads bring while the loop drains all arrive, whatever the moment."""
    loop = asyncio.get_running_loop()
    completions = Completions(loop)
    rounds, threads = 200, 4
    with ThreadPoolExecutor(threads) as pool:
        for number in range(rounds):
            futures: list[asyncio.Future[int]] = [loop.create_future() for _ in range(threads)]
            for future in futures:
                pool.submit(completions.complete, future, number)
            assert await asyncio.wait_for(asyncio.gather(*futures), 10) == [number] * threads
    assert rounds <= completions.wake_ups <= rounds * threads


async def test_errors_arrive_and_those_who_left_are_passed_over() -> None:
    """An error is raised where the result is awaited; a future that was cancelled meanwhile disturbs nobody."""
    loop = asyncio.get_running_loop()
    completions = Completions(loop)
    failed, gone, fine = loop.create_future(), loop.create_future(), loop.create_future()
    gone.cancel()
    for future in (failed, gone):
        completions.complete(future, error=ValueError("the driver's"))
    completions.complete(fine, 1)
    with pytest.raises(ValueError, match="driver"):
        await failed
    assert await fine == 1
