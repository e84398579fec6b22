// Command failover plays rounds through several nodes and goes on when one of them dies, in one of two ways:
//
//	-layer attempts   calls repeated by attempts.go at the nodes that nodes.go chooses: a node that hangs costs a call a second
//	-layer config     gRPC's own round robin and retries, by clients/service_config.json: enough for a node that dies or drains
//
// It prints one line a round and, at the end, a JSON object: how many rounds were played, how many calls failed, and the longest call.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"croupier/scenarios/pb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // Takes part in healthCheckConfig.
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

const relist = 3 * time.Second

// caller sends a call about a wallet to a node and, where it may, to another one.
type caller func(ctx context.Context, wallet string, call func(context.Context, *grpc.ClientConn) error) error

func main() {
	addresses := flag.String("addresses", "127.0.0.1:7400", "host:port of some nodes, with commas between")
	operator := flag.String("operator", "demo", "the operator that the key belongs to")
	key := flag.String("key", "", "operator key, ck_…")
	player := flag.String("player", "go-"+newID(), "whose wallet to play from")
	layer := flag.String("layer", "attempts", "attempts or config")
	config := flag.String("service-config", "service_config.json", "for -layer config")
	rounds := flag.Int("rounds", 100, "how many to play")
	pace := flag.Duration("pace", 5*time.Millisecond, "rest between two rounds")
	flag.Parse()
	given := strings.Split(*addresses, ",")
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+*key)
	send := byAttempts(ctx, given)
	if *layer == "config" {
		send = byConfig(given, *config)
	}
	wallet := fmt.Sprintf("operators/%s/players/%s/wallets/EUR", *operator, *player)
	report := play(ctx, send, wallet, *rounds, *pace)
	text, _ := json.Marshal(report)
	fmt.Println(string(text))
	if report.Failed > 0 {
		os.Exit(1)
	}
}

func byAttempts(ctx context.Context, addresses []string) caller {
	all := newNodes(addresses)
	all.refresh(ctx)
	go func() {
		for range time.Tick(relist) {
			all.refresh(ctx)
		}
	}()
	return func(ctx context.Context, wallet string, call func(context.Context, *grpc.ClientConn) error) error {
		_, err := send(ctx, all, wallet, func(ctx context.Context, connection *grpc.ClientConn) (struct{}, error) {
			return struct{}{}, call(ctx, connection)
		})
		return err
	}
}

func byConfig(addresses []string, path string) caller {
	config, err := os.ReadFile(path)
	if err != nil {
		fail("%v", err)
	}
	nodes := manual.NewBuilderWithScheme("croupier")
	state := resolver.State{}
	for _, address := range addresses {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}})
	}
	nodes.InitialState(state)
	connection, err := grpc.NewClient("croupier:///nodes", grpc.WithResolvers(nodes), grpc.WithDefaultServiceConfig(string(config)),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fail("%v", err)
	}
	return func(ctx context.Context, _ string, call func(context.Context, *grpc.ClientConn) error) error {
		return call(ctx, connection)
	}
}

type report struct {
	Played      int   `json:"played"`
	Failed      int   `json:"failed"`
	LongestMS   int64 `json:"longest_ms"`
	BalanceOff  int64 `json:"balance_off_micros"`
	lastBalance int64
}

// play opens a session and plays rounds of dice; each round has one id, however often it is sent.
func play(ctx context.Context, send caller, wallet string, rounds int, pace time.Duration) report {
	var done report
	deposit := &pb.DepositRequest{Wallet: wallet, TransferId: newID(), AmountMicros: 1_000_000_000}
	open := &pb.OpenSessionRequest{Wallet: wallet, SessionId: newID(), Game: "games/dice-10000"}
	var session *pb.Session
	must(send(ctx, wallet, func(ctx context.Context, c *grpc.ClientConn) error {
		answer, err := pb.NewWalletServiceClient(c).Deposit(ctx, deposit)
		done.lastBalance = answer.GetTransfer().GetBalanceMicros()
		return err
	}))
	must(send(ctx, wallet, func(ctx context.Context, c *grpc.ClientConn) error {
		answer, err := pb.NewSessionServiceClient(c).OpenSession(ctx, open)
		session = answer.GetSession()
		return err
	}))
	dice := &pb.Bet{Family: &pb.Bet_Dice{Dice: &pb.DiceBet{StakeMicros: 100_000, Side: pb.DiceSide_DICE_SIDE_OVER, Target: 5_000}}}
	for range rounds {
		done.playOne(ctx, send, wallet, &pb.PlayRequest{Session: session.GetName(), RoundId: newID(), Bet: dice})
		time.Sleep(pace)
	}
	return done
}

func (r *report) playOne(ctx context.Context, send caller, wallet string, request *pb.PlayRequest) {
	began := time.Now()
	err := send(ctx, wallet, func(ctx context.Context, c *grpc.ClientConn) error {
		answer, err := pb.NewRoundServiceClient(c).Play(ctx, request)
		if err == nil {
			r.settle(answer.GetRound())
		}
		return err
	})
	r.LongestMS = max(r.LongestMS, time.Since(began).Milliseconds())
	if err != nil {
		r.Failed++
		fmt.Println("failed:", err)
		return
	}
	r.Played++
	fmt.Println("played", r.Played)
}

// settle compares the balance with what the rounds so far come to: a round that counted twice would show.
func (r *report) settle(round *pb.Round) {
	r.lastBalance += round.GetPayoutMicros() - round.GetStakeMicros()
	r.BalanceOff += round.GetBalanceMicros() - r.lastBalance
	r.lastBalance = round.GetBalanceMicros()
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(2)
}
