package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

const deadline = 10 * time.Second

// caller sends calls by name, with the message types that were generated.
type caller struct {
	connection *grpc.ClientConn
}

func (c caller) context(token string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	if token == "" {
		return ctx, cancel
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), cancel
}

// unary sends one call, such as "RoundService.Play".
func (c caller) unary(name, token string, request any) (proto.Message, error) {
	method, err := findMethod(name)
	if err != nil {
		return nil, err
	}
	message, err := fromJSON(method.Input(), request)
	if err != nil {
		return nil, err
	}
	response, err := newMessage(method.Output())
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.context(token)
	defer cancel()
	return response, c.connection.Invoke(ctx, path(method), message, response)
}

// stream sends all requests, and reads as many responses as are wanted or there are.
func (c caller) stream(name, token string, requests []any, wanted int) ([]proto.Message, error) {
	method, err := findMethod(name)
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.context(token)
	defer cancel()
	description := &grpc.StreamDesc{ServerStreams: true, ClientStreams: method.IsStreamingClient()}
	stream, err := c.connection.NewStream(ctx, description, path(method))
	if err != nil {
		return nil, err
	}
	for _, request := range requests {
		message, err := fromJSON(method.Input(), request)
		if err != nil {
			return nil, err
		}
		if err := stream.SendMsg(message); err != nil {
			return nil, err
		}
	}
	if err := stream.CloseSend(); err != nil {
		return nil, err
	}
	return receive(stream, method, wanted)
}

func receive(stream grpc.ClientStream, method protoreflect.MethodDescriptor, wanted int) ([]proto.Message, error) {
	var responses []proto.Message
	for len(responses) < wanted {
		response, err := newMessage(method.Output())
		if err != nil {
			return nil, err
		}
		if err := stream.RecvMsg(response); err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		responses = append(responses, response)
	}
	if len(responses) == 0 {
		return nil, fmt.Errorf("%s ended without a response", method.FullName())
	}
	return responses, nil
}

func findMethod(name string) (protoreflect.MethodDescriptor, error) {
	service, method, _ := strings.Cut(name, ".")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName("croupier.v1." + service))
	if err != nil {
		return nil, err
	}
	descriptor := found.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(method))
	if descriptor == nil {
		return nil, fmt.Errorf("%s has no method %s", service, method)
	}
	return descriptor, nil
}

func path(method protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
}

func newMessage(descriptor protoreflect.MessageDescriptor) (proto.Message, error) {
	found, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
	if err != nil {
		return nil, err
	}
	return found.New().Interface(), nil
}

func fromJSON(descriptor protoreflect.MessageDescriptor, value any) (proto.Message, error) {
	message, err := newMessage(descriptor)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return message, protojson.Unmarshal(text, message)
}

// asJSON shows every field, unset ones too.
func asJSON(message proto.Message) (any, error) {
	text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(message)
	if err != nil {
		return nil, err
	}
	var value any
	return value, json.Unmarshal(text, &value)
}
