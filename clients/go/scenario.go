package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	pb "croupier/scenarios/pb"
)

const repeatsMax = 200

// scenario is one file and what is known while it is played.
type scenario struct {
	About      string            `json:"about"`
	Vars       map[string]string `json:"vars"`
	Steps      []json.RawMessage `json:"steps"`
	needsAdmin bool
	caller     caller
	names      names
	kept       map[string]proto.Message
}

// step is one step as the file has it; tests/golden/scenarios/README.md says what each member means.
type step struct {
	Call     string            `json:"call"`
	Stream   string            `json:"stream"`
	As       *string           `json:"as"`
	Request  any               `json:"request"`
	Requests []any             `json:"requests"`
	Expect   any               `json:"expect"`
	Error    *refusal          `json:"error"`
	Save     map[string]string `json:"save"`
	Keep     string            `json:"keep"`
	Same     string            `json:"same"`
	Until    any               `json:"until"`
	Finish   string            `json:"finish"`
	Seed     string            `json:"seed"`
	Hash     string            `json:"hash"`
}

func readScenario(connection *grpc.ClientConn, path string, given map[string]string) (*scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	read := &scenario{caller: caller{connection}, names: names{given}, kept: map[string]proto.Message{}}
	if err := json.Unmarshal(text, read); err != nil {
		return nil, err
	}
	read.needsAdmin = strings.Contains(string(text), "${adminKey}")
	// One name may stand in another's text, so those that need none come first.
	order := make([]string, 0, len(read.Vars))
	for name := range read.Vars {
		order = append(order, name)
	}
	slices.SortFunc(order, func(a, b string) int { return strings.Count(read.Vars[a], "${") - strings.Count(read.Vars[b], "${") })
	for pending := order; len(pending) > 0; {
		name := pending[0]
		pending = pending[1:]
		if filled, err := read.names.fillText(read.Vars[name]); err == nil {
			read.names.known[name] = filled
		} else if len(pending) > 0 {
			pending = append(pending, name)
		} else {
			return nil, err
		}
	}
	return read, nil
}

// run plays every step; the first that comes out differently ends it.
func (s *scenario) run() error {
	for number, raw := range s.Steps {
		var next step
		err := json.Unmarshal(raw, &next)
		if err == nil {
			err = s.take(&next)
		}
		if err != nil {
			return fmt.Errorf("step %d: %w\n    %s", number+1, err, raw)
		}
	}
	return nil
}

func (s *scenario) take(step *step) error {
	switch {
	case step.Finish != "":
		return s.finish(step.Finish)
	case step.Seed != "":
		return s.checkSeed(step.Seed, step.Hash)
	}
	responses, err := s.responses(step)
	if step.Error != nil {
		wanted := *step.Error
		wanted.Metadata = map[string]string{}
		for key, value := range step.Error.Metadata {
			filled, fillErr := s.names.fillText(value)
			if fillErr != nil {
				return fillErr
			}
			wanted.Metadata[key] = filled
		}
		return wanted.compare(err)
	}
	if err != nil {
		return err
	}
	return s.check(step, responses)
}

func (s *scenario) responses(step *step) ([]proto.Message, error) {
	token, err := s.names.fillText(orElse(step.As, "${operatorKey}"))
	if err != nil {
		return nil, err
	}
	if step.Stream != "" {
		requests, err := s.names.fill(step.Requests)
		if err != nil {
			return nil, err
		}
		expected, _ := step.Expect.([]any)
		return s.caller.stream(step.Stream, token, requests.([]any), max(len(expected), 1))
	}
	for range repeatsMax {
		request, err := s.names.fill(step.Request)
		if err != nil {
			return nil, err
		}
		response, err := s.caller.unary(step.Call, token, request)
		if err != nil {
			return nil, err
		}
		got, err := asJSON(response)
		if err != nil {
			return nil, err
		}
		if step.Until == nil || compare(step.Until, got, "") == nil {
			return []proto.Message{response}, nil
		}
	}
	return nil, fmt.Errorf("%d calls, and none came out as %v", repeatsMax, step.Until)
}

func (s *scenario) check(step *step, responses []proto.Message) error {
	last := responses[len(responses)-1]
	got, err := asJSON(last)
	if err != nil {
		return err
	}
	if err := s.checkExpected(step, responses); err != nil {
		return err
	}
	if step.Same != "" && !sameBytes(s.kept[step.Same], last) {
		return fmt.Errorf("the response is not byte for byte the one kept as %s", step.Same)
	}
	if step.Keep != "" {
		s.kept[step.Keep] = last
	}
	for name, path := range step.Save {
		value, ok := at(got, path).(string)
		if !ok || value == "" {
			return fmt.Errorf("%s is not set", path)
		}
		s.names.known[name] = value
	}
	return nil
}

func (s *scenario) checkExpected(step *step, responses []proto.Message) error {
	expected, err := s.names.fill(step.Expect)
	if err != nil || expected == nil {
		return err
	}
	parts, isStream := expected.([]any)
	if !isStream {
		parts = []any{expected}
	}
	if len(parts) != len(responses) {
		return fmt.Errorf("%d responses, expected %d", len(responses), len(parts))
	}
	for index, part := range parts {
		got, err := asJSON(responses[index])
		if err != nil {
			return err
		}
		if err := compare(part, got, "response"); err != nil {
			return err
		}
	}
	return nil
}

// finish acts on an open blackjack round until it is settled: no insurance, then stand. Each step is sent twice and must have one answer.
func (s *scenario) finish(kept string) error {
	round := roundOf(s.kept[kept])
	if round == nil {
		return errors.New("there is no round to finish")
	}
	client := pb.NewRoundServiceClient(s.caller.connection)
	for round.State == pb.RoundState_ROUND_STATE_OPEN {
		kind := pb.BlackjackActionKind_BLACKJACK_ACTION_KIND_STAND
		decline := pb.BlackjackActionKind_BLACKJACK_ACTION_KIND_DECLINE_INSURANCE
		if slices.Contains(round.GetOutcome().GetBlackjack().GetLegal(), decline) {
			kind = decline
		}
		action := &pb.Action{Family: &pb.Action_Blackjack{Blackjack: &pb.BlackjackAction{Kind: kind}}}
		request := &pb.ActRequest{Round: round.Name, Step: round.Step + 1, Action: action}
		var answers [2]*pb.ActResponse
		for index := range answers {
			ctx, cancel := s.caller.context(s.names.known["operatorKey"])
			answer, err := client.Act(ctx, request)
			cancel()
			if err != nil {
				return err
			}
			answers[index] = answer
		}
		if !sameBytes(answers[0], answers[1]) {
			return errors.New("a step repeated did not give its stored answer")
		}
		round = answers[0].Round
		s.kept[kept] = answers[0]
	}
	return nil
}

func (s *scenario) checkSeed(seed, hash string) error {
	filled, err := s.names.fill([]any{seed, hash})
	if err != nil {
		return err
	}
	texts := filled.([]any)
	bytes, err := hex.DecodeString(texts[0].(string))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(bytes); hex.EncodeToString(sum[:]) != texts[1] {
		return errors.New("the seed does not fit its hash")
	}
	return nil
}

func roundOf(message proto.Message) *pb.Round {
	if holder, ok := message.(interface{ GetRound() *pb.Round }); ok {
		return holder.GetRound()
	}
	return nil
}

// sameBytes compares messages by their deterministic encodings; a GetRoundResponse and a PlayResponse with the same round are the same bytes.
func sameBytes(a, b proto.Message) bool {
	encoding := proto.MarshalOptions{Deterministic: true}
	left, leftErr := encoding.Marshal(a)
	right, rightErr := encoding.Marshal(b)
	return leftErr == nil && rightErr == nil && slices.Equal(left, right)
}

func orElse(text *string, otherwise string) string {
	if text == nil {
		return otherwise
	}
	return *text
}
