"""WalletService: balances, transfers and the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from croupier.errors import TokenOutOfRange, TransferNotFound, WalletNotFound
from croupier.events.hub import Hub
from croupier.model import EntryKind, Key, Row, Transfer, TransferKind, Wallet, WalletKey
from croupier.operations.command import wallet_key
from croupier.operations.transfer import MakeTransfer, TransferView
from croupier.pb import wallet_service_pb2 as pb
from croupier.runners.taker import Taker
from croupier.services import names, pages
from croupier.services.call import Call
from croupier.services.convert import entry_message, transfer_message, trial_balance_message, wallet_message
from croupier.services.hot import Lookup
from croupier.stores.store import EntryQuery

_WATCH_PAGE = 500


class WalletService:
    """See proto/croupier/v1/wallet_service.proto."""

    def __init__(self, owner: Taker, hub: Hub, heartbeat_s: float, poll_s: float) -> None:
        """A watcher is told something every `heartbeat_s` at least; every `poll_s` the store is asked for what other nodes have committed."""
        self._owner = owner
        self._hub = hub
        self._heartbeat_s = heartbeat_s
        self._poll_s = min(poll_s, heartbeat_s)
        self._ending = False

    def get_wallet(self, request: pb.GetWalletRequest, call: Call) -> Lookup:
        """One wallet as last committed."""
        wallet = names.parse_wallet(request.name, call.caller, "name")
        key = wallet_key(wallet)
        return Lookup((key,), lambda state: _got(wallet, state[key]))

    async def deposit(self, request: pb.DepositRequest, call: Call) -> pb.DepositResponse:
        """Adds money; opens the wallet if there is none."""
        return pb.DepositResponse(transfer=await self._transfer(request, TransferKind.DEPOSIT, call))

    async def withdraw(self, request: pb.WithdrawRequest, call: Call) -> pb.WithdrawResponse:
        """Takes money out."""
        return pb.WithdrawResponse(transfer=await self._transfer(request, TransferKind.WITHDRAWAL, call))

    async def get_transfer(self, request: pb.GetTransferRequest, call: Call) -> pb.GetTransferResponse:
        """One transfer."""
        wallet, transfer_id = names.parse_child(request.name, "transfers", call.caller, "name")
        key = Key(wallet, "transfer", transfer_id)
        row = (await self._owner.read(lambda reads: reads.load([key])))[key]
        if not isinstance(row, Transfer):
            raise TransferNotFound(f"there is no {request.name}", field="name")
        return pb.GetTransferResponse(transfer=transfer_message(TransferView(wallet, row)))

    async def list_transfers(self, request: pb.ListTransfersRequest, call: Call) -> pb.ListTransfersResponse:
        """A wallet's transfers, newest first."""
        wallet = names.parse_wallet(request.wallet, call.caller, "wallet")
        size = pages.page_size(request.page_size)
        kinds = (EntryKind.DEPOSIT, EntryKind.WITHDRAWAL)
        query = EntryQuery(wallet, size, before_revision=pages.position(request.page_token), kinds=kinds)
        page = await self._owner.read(lambda reads: pages.newest(reads, query, "transfer"))
        transfers = [transfer_message(TransferView(wallet, row)) for row in page.rows if isinstance(row, Transfer)]
        return pb.ListTransfersResponse(transfers=transfers, next_page_token=page.next_token)

    async def list_entries(self, request: pb.ListEntriesRequest, call: Call) -> pb.ListEntriesResponse:
        """A wallet's ledger, newest first."""
        wallet = names.parse_wallet(request.wallet, call.caller, "wallet")
        size = pages.page_size(request.page_size)
        query = EntryQuery(wallet, size, before_revision=pages.position(request.page_token))
        page = await self._owner.read(lambda reads: pages.newest(reads, query))
        return pb.ListEntriesResponse(entries=[entry_message(wallet, entry) for entry in page.entries], next_page_token=page.next_token)

    async def watch_wallet(self, request: pb.WatchWalletRequest, call: Call) -> AsyncGenerator[pb.WatchWalletResponse, None]:
        """Every entry after the resume token, then each new one as it is committed."""
        wallet = names.parse_wallet(request.name, call.caller, "name")
        with self._hub.watch(wallet) as changed:
            head = await self._head(wallet)
            revision = pages.number(request.resume_token, "resume_token") if request.resume_token else head.revision
            if revision > head.revision:
                raise TokenOutOfRange(
                    f"the ledger ends at revision {head.revision}; resume_token {revision} is ahead of it", field="resume_token"
                )
            # From here on the caller misses nothing, however early the stream breaks: it holds a token.
            yield pb.WatchWalletResponse(resume_token=str(revision))
            silent_s = 0.0
            while not self._ending:
                call.check()
                changed.clear()
                query = EntryQuery(wallet, _WATCH_PAGE, after_revision=revision, oldest_first=True)
                entries = await self._owner.read(lambda reads, query=query: reads.entries(query))
                for entry in entries:
                    revision, silent_s = entry.revision, 0.0
                    yield pb.WatchWalletResponse(entry=entry_message(wallet, entry), resume_token=str(revision))
                if not entries and not await _set_within(changed, self._poll_s):
                    silent_s += self._poll_s
                    if silent_s >= self._heartbeat_s:
                        silent_s = 0.0
                        yield pb.WatchWalletResponse(resume_token=str(revision))

    async def get_trial_balance(self, request: pb.GetTrialBalanceRequest, call: Call) -> pb.GetTrialBalanceResponse:
        """Sums of a tenant's wallets by currency, and whether they balance."""
        operator = names.parse_operator(request.operator, call.caller, "operator")
        sums = await self._owner.read(lambda reads: reads.sums(operator))
        return pb.GetTrialBalanceResponse(balances=[trial_balance_message(one) for one in sums])

    def end_streams(self) -> None:
        """Lets every watcher end, so that the node can drain."""
        self._ending = True
        self._hub.wake_all()

    async def _transfer(self, request: pb.DepositRequest | pb.WithdrawRequest, kind: TransferKind, call: Call) -> pb.Transfer:
        wallet = names.parse_wallet(request.wallet, call.caller, "wallet")
        transfer_id = names.parse_id(request.transfer_id, "transfer_id")
        reference = names.parse_reference(request.reference, "reference")
        view = await self._owner.call(MakeTransfer(wallet, transfer_id, kind, request.amount_micros, reference), call.deadline_ms)
        assert isinstance(view, TransferView)
        return transfer_message(view)

    async def _head(self, wallet: WalletKey) -> Wallet:
        key = wallet_key(wallet)
        return _found(wallet, (await self._owner.read(lambda reads: reads.load([key])))[key])


def _got(wallet: WalletKey, row: Row | None) -> bytes:
    return pb.GetWalletResponse(wallet=wallet_message(wallet, _found(wallet, row))).SerializeToString()


def _found(wallet: WalletKey, row: Row | None) -> Wallet:
    if not isinstance(row, Wallet):
        raise WalletNotFound(f"there is no {wallet}; a deposit or a session opens it", field="name")
    return row


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
