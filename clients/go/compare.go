package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// refusal is what a failed call must carry.
type refusal struct {
	Code     string            `json:"code"`
	Reason   string            `json:"reason"`
	Field    *string           `json:"field"`
	Metadata map[string]string `json:"metadata"`
}

func (r *refusal) compare(err error) error {
	failed, ok := status.FromError(err)
	if err == nil || !ok {
		return fmt.Errorf("the call was expected to fail with %s, and gave %v", r.Reason, err)
	}
	if name := code.Code_name[int32(failed.Code())]; name != r.Code {
		return fmt.Errorf("the code is %s, expected %s: %s", name, r.Code, failed.Message())
	}
	var info *errdetails.ErrorInfo
	field := ""
	for _, detail := range failed.Details() {
		switch found := detail.(type) {
		case *errdetails.ErrorInfo:
			info = found
		case *errdetails.BadRequest:
			field = found.GetFieldViolations()[0].GetField()
		}
	}
	if info.GetReason() != r.Reason || info.GetDomain() != "croupier.v1" {
		return fmt.Errorf("the reason is %s of %s, expected %s: %s", info.GetReason(), info.GetDomain(), r.Reason, failed.Message())
	}
	if r.Field != nil && field != *r.Field {
		return fmt.Errorf("the field is %q, expected %q", field, *r.Field)
	}
	for key, value := range r.Metadata {
		if info.GetMetadata()[key] != value {
			return fmt.Errorf("metadata %s is %q, expected %q", key, info.GetMetadata()[key], value)
		}
	}
	return nil
}

// compare says where `got` lacks what is expected: objects hold at least the members named, lists are equally long.
func compare(expected, got any, path string) error {
	switch wanted := expected.(type) {
	case map[string]any:
		members, ok := got.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is %v, expected an object", path, got)
		}
		for key, part := range wanted {
			if err := compare(part, members[key], path+"."+key); err != nil {
				return err
			}
		}
		return nil
	case []any:
		items, _ := got.([]any)
		if len(items) != len(wanted) {
			return fmt.Errorf("%s holds %d items, expected %d", path, len(items), len(wanted))
		}
		for index, part := range wanted {
			if err := compare(part, items[index], fmt.Sprintf("%s[%d]", path, index)); err != nil {
				return err
			}
		}
		return nil
	}
	if expected == got || (unset(expected) && unset(got)) {
		return nil
	}
	return fmt.Errorf("%s is %v, expected %v", path, got, expected)
}

func unset(value any) bool {
	switch known := value.(type) {
	case nil:
		return true
	case string:
		return known == "" || known == "0"
	case float64:
		return known == 0
	case []any:
		return len(known) == 0
	}
	return false
}

// at finds a path such as `games[0].name`.
func at(value any, path string) any {
	for _, part := range strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune(".[]", r) }) {
		switch known := value.(type) {
		case map[string]any:
			value = known[part]
		case []any:
			index, err := strconv.Atoi(part)
			if err != nil || index >= len(known) {
				return errors.New("no such item")
			}
			value = known[index]
		default:
			return nil
		}
	}
	return value
}
