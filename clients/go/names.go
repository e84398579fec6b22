package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var placeholder = regexp.MustCompile(`\$\{([^}]+)\}`)

// names knows what stands for ${name}.
type names struct {
	known map[string]string
}

// fill replaces every ${name} inside strings, objects and lists.
func (n names) fill(value any) (any, error) {
	switch known := value.(type) {
	case string:
		return n.fillText(known)
	case []any:
		filled := make([]any, len(known))
		for index, part := range known {
			var err error
			if filled[index], err = n.fill(part); err != nil {
				return nil, err
			}
		}
		return filled, nil
	case map[string]any:
		filled := make(map[string]any, len(known))
		for key, part := range known {
			var err error
			if filled[key], err = n.fill(part); err != nil {
				return nil, err
			}
		}
		return filled, nil
	}
	return value, nil
}

func (n names) fillText(text string) (string, error) {
	var failure error
	filled := placeholder.ReplaceAllStringFunc(text, func(match string) string {
		value, err := n.value(match[2 : len(match)-1])
		if err != nil {
			failure = err
		}
		return value
	})
	return filled, failure
}

func (n names) value(name string) (string, error) {
	if value, ok := n.known[name]; ok {
		return value, nil
	}
	switch {
	case name == "fresh":
		return newID(), nil
	case strings.HasPrefix(name, "old."):
		days, err := strconv.Atoi(strings.TrimPrefix(name, "old."))
		return idAt(time.Now().AddDate(0, 0, -days)), err
	case strings.HasPrefix(name, "id."):
		n.known[name] = newID()
		return n.known[name], nil
	}
	return "", fmt.Errorf("${%s} is not known here", name)
}

// newID is a UUIDv7 (RFC 9562) of now.
func newID() string {
	return idAt(time.Now())
}

func idAt(at time.Time) string {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		panic(err)
	}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
