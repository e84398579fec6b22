package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sort"
	"strings"
	"sync"
	"time"

	"croupier/scenarios/pb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const ejected = 2 * time.Second

// node is one server: a connection of its own, so that a call goes exactly where it is sent.
type node struct {
	id         string // "" until ListNodes has told it
	address    string
	serving    bool
	connection *grpc.ClientConn
	outUntil   time.Time
}

// nodes are the servers of one cluster, as ListNodes tells them; before it has answered, the addresses that were given.
type nodes struct {
	mutex sync.Mutex
	known map[string]*node
}

func newNodes(addresses []string) *nodes {
	all := &nodes{known: map[string]*node{}}
	for _, address := range addresses {
		all.add(address)
	}
	return all
}

// add opens a connection on which gRPC retries nothing: attempts.go does.
func (n *nodes) add(address string) *node {
	if known, ok := n.known[address]; ok {
		return known
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	if err != nil {
		fail("%s: %v", address, err)
	}
	n.known[address] = &node{address: address, serving: true, connection: connection}
	return n.known[address]
}

// choose gives the node for the next attempt of a call about a wallet: one that is not out and was not tried, and of those the one that
// the wallet prefers.
func (n *nodes) choose(wallet string, tried map[string]int) *node {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	now := time.Now()
	order := make([]*node, 0, len(n.known))
	for _, one := range n.known {
		order = append(order, one)
	}
	rank := func(one *node) (bool, int, uint64) {
		return !one.serving || now.Before(one.outUntil), tried[one.address], weight(one.id, wallet)
	}
	sort.Slice(order, func(i, j int) bool {
		outI, triedI, weightI := rank(order[i])
		outJ, triedJ, weightJ := rank(order[j])
		if outI != outJ {
			return outJ
		}
		if triedI != triedJ {
			return triedI < triedJ
		}
		return weightI > weightJ || weightI == weightJ && order[i].address < order[j].address
	})
	return order[0]
}

// leave sends no calls to a node for a while.
func (n *nodes) leave(one *node) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	one.outUntil = time.Now().Add(ejected)
}

// refresh asks one node after the other for the list, until one has answered.
func (n *nodes) refresh(ctx context.Context) {
	tried := map[string]int{}
	for range len(n.known) {
		asked := n.choose("", tried)
		tried[asked.address]++
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		listed, err := pb.NewClusterServiceClient(asked.connection).ListNodes(attempt, &pb.ListNodesRequest{})
		cancel()
		if err == nil {
			n.take(listed.Nodes)
			return
		}
	}
}

func (n *nodes) take(listed []*pb.ClusterNode) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	for _, one := range n.known {
		one.serving = false
	}
	for _, told := range listed {
		one := n.add(told.Address)
		one.id = strings.TrimPrefix(told.Name, "nodes/")
		one.serving = told.State == pb.NodeState_NODE_STATE_SERVING
	}
}

// weight is how much a wallet prefers a node; tests/golden/routing.json has examples.
func weight(node, wallet string) uint64 {
	sum := sha256.Sum256([]byte(node + "\x00" + wallet))
	return binary.BigEndian.Uint64(sum[:8])
}
