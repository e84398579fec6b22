// Judges histories of calls by porcupine, a linearizability checker: each wallet must look like one that does one thing at a time.
//
// Standard input holds one history a line, as tests/cluster/history.py writes them; standard output gets one verdict as JSON.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	longestLine = 256 << 20
	patience    = 60 * time.Second
)

type verdict struct {
	Wallets    int      `json:"wallets"`
	Operations int      `json:"operations"`
	Illegal    []string `json:"illegal"`
	Undecided  []string `json:"undecided"`
	Faults     []string `json:"faults"`
}

func main() {
	debug.SetMemoryLimit(2 << 30)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestLine)
	said := verdict{Illegal: []string{}, Undecided: []string{}, Faults: []string{}}
	for lines.Scan() {
		var told history
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			fail(err)
		}
		judge(told, &said)
	}
	if err := lines.Err(); err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		fail(err)
	}
}

func judge(told history, said *verdict) {
	operations, faults := told.operations()
	said.Wallets++
	said.Operations += len(operations)
	said.Faults = append(said.Faults, faults...)
	model := wallet.ToModel()
	switch porcupine.CheckOperationsTimeout(model, operations, patience) {
	case porcupine.Illegal:
		said.Illegal = append(said.Illegal, told.Wallet)
	case porcupine.Unknown:
		said.Undecided = append(said.Undecided, told.Wallet)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

// call is one attempt at one thing, as its caller saw it.
type call struct {
	Client   int    `json:"client"`
	Op       string `json:"op"` // What it asks for, with its content: two that differ are no repeats of one another.
	ID       string `json:"id"` // The id under which it has one effect at most; empty for a read.
	SentNs   int64  `json:"sent_ns"`
	EndedNs  int64  `json:"ended_ns"` // 0 where nobody said anything.
	Said     string `json:"said"`     // OK, or the reason of a refusal.
	CameTo   string `json:"came_to"`  // done, refused, nothing (this attempt; another may do it), or unknown.
	Revision int64  `json:"revision"`
	Balance  int64  `json:"balance"`
	Delta    *int64 `json:"delta"` // What it adds to the balance, where its caller knows.
	Stake    int64  `json:"stake"` // What it takes from the balance at first.
}

type history struct {
	Wallet string `json:"wallet"`
	Calls  []call `json:"calls"`
}

// effect is all attempts at one thing together: it happens once, between the first sending and the first answer, or, unanswered, at any time or never.
type effect struct {
	first  call
	answer *call
	isOpen bool
	endNs  int64
	sentNs int64
}

type kind int

const (
	happens  kind = iota // An effect that was answered.
	may                  // One of which nobody knows.
	repeated             // One more answer: its effect is there.
	read                 // The balance at a revision.
	unfunded             // A refusal: the balance did not cover the stake.
)

type input struct {
	kind kind
	call call
}

// operations merges attempts by id. Answers to one id that differ are no matter of order, and are told as faults.
func (h history) operations() ([]porcupine.Operation, []string) {
	effects := map[string]*effect{}
	var order []string
	var made []porcupine.Operation
	var faults []string
	add := func(what kind, one call, from, to int64) {
		made = append(made, porcupine.Operation{ClientId: one.Client, Input: input{what, one}, Call: from, Return: to})
	}
	for _, one := range h.Calls {
		if one.ID == "" {
			if one.CameTo == "done" {
				add(read, one, one.SentNs, one.EndedNs)
			}
			continue
		}
		if one.Said == "INSUFFICIENT_FUNDS" {
			add(unfunded, one, one.SentNs, one.EndedNs)
		}
		name := one.ID + one.Op
		known, found := effects[name]
		if !found {
			known = &effect{first: one, sentNs: one.SentNs, endNs: math.MaxInt64}
			effects[name] = known
			order = append(order, name)
		}
		known.sentNs = min(known.sentNs, one.SentNs)
		if one.CameTo != "done" {
			known.isOpen = one.CameTo == "unknown" || (known.isOpen && one.CameTo == "nothing")
			continue
		}
		if known.answer == nil {
			known.answer = &one
		} else if known.answer.Revision != one.Revision || known.answer.Balance != one.Balance {
			faults = append(faults, fmt.Sprintf("%s: two answers to %s", h.Wallet, one.ID))
		}
		add(repeated, one, one.SentNs, one.EndedNs)
		known.endNs = min(known.endNs, one.EndedNs)
	}
	for _, name := range order {
		one := effects[name]
		if one.answer != nil {
			add(happens, *one.answer, one.sentNs, one.endNs)
		} else if one.isOpen {
			add(may, one.first, one.sentNs, math.MaxInt64)
		}
	}
	return made, faults
}

// state is a wallet. Seeds and sessions take revisions of their own, so those of rounds and transfers rise, with gaps.
type state struct {
	revision int64
	balance  int64
	isLoose  bool // Something happened of which nobody knows how much it brought.
}

var wallet = porcupine.NondeterministicModel{
	Init: func() []interface{} { return []interface{}{state{}} },
	Step: step,
}

func step(before, in, _ interface{}) []interface{} {
	now, asked := before.(state), in.(input)
	one := asked.call
	switch asked.kind {
	case happens:
		if one.Revision <= now.revision || (!now.isLoose && one.Delta != nil && now.balance+*one.Delta != one.Balance) || one.Balance < 0 {
			return nil
		}
		return []interface{}{state{one.Revision, one.Balance, false}}
	case may:
		after := state{now.revision, now.balance, true}
		if one.Delta != nil && !now.isLoose {
			after = state{now.revision, now.balance + *one.Delta, false}
		}
		return []interface{}{now, after}
	case repeated:
		if now.revision < one.Revision {
			return nil
		}
	case read:
		if now.revision > one.Revision || (!now.isLoose && now.balance != one.Balance) {
			return nil
		}
	case unfunded:
		if !now.isLoose && now.balance >= one.Stake {
			return nil
		}
	}
	return []interface{}{now}
}
