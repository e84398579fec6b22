package main

import (
	"context"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	callDeadline    = 10 * time.Second
	attemptTimeout  = time.Second
	firstPause      = 50 * time.Millisecond
	longestPause    = time.Second
	attemptsAtOnce  = 2 // The first try elsewhere follows without a pause.
	deadlineReserve = time.Millisecond
)

// send repeats one request, under the same id, until a node has answered it or the deadline of the call has passed. It is the only layer
// that retries.
func send[Answer any](ctx context.Context, all *nodes, wallet string, call func(context.Context, *grpc.ClientConn) (Answer, error)) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	tried := map[string]int{}
	for made := 1; ; made++ {
		chosen := all.choose(wallet, tried)
		tried[chosen.address]++
		attempt, end := context.WithTimeout(ctx, attemptTimeout)
		answer, err := call(attempt, chosen.connection)
		end()
		if err == nil || !passes(err) || remaining(ctx) < deadlineReserve {
			return answer, err
		}
		if code := status.Code(err); code == codes.Unavailable || code == codes.DeadlineExceeded {
			all.leave(chosen)
		}
		if made >= attemptsAtOnce {
			pause(ctx, made-attemptsAtOnce)
		}
	}
}

// passes says whether the same request may be sent again as it is. A full client reads the reason too (docs/integrators.md): STEP_STALE and
// TOO_LARGE do not pass.
func passes(err error) bool {
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.ResourceExhausted:
		return true
	}
	return false
}

func pause(ctx context.Context, earlier int) {
	longest := min(longestPause, firstPause<<min(earlier, 10))
	select {
	case <-time.After(time.Duration(float64(longest) * (0.5 + rand.Float64()/2))):
	case <-ctx.Done():
	}
}

func remaining(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline()
	return time.Until(deadline)
}
