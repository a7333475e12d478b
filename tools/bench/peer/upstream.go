package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"time"
)

// What a model's server says to a short question.
var answer = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` +
	strings.Repeat("word ", 60) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":60,"total_tokens":260}}`

var (
	whole   = []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", len(answer), answer))
	healthy = []byte("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
	unknown = []byte("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
)

// One event: 230 bytes with the time it was sent at, in ns since 1970.
const eventBytes = 230

func serve(port string) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		fail(err.Error())
	}
	fmt.Println("listening")
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err.Error())
		}
		go serveConnection(connection)
	}
}

func serveConnection(connection net.Conn) {
	defer connection.Close()
	reader := bufio.NewReaderSize(connection, 64*1024)
	for {
		request, err := readHead(reader)
		if err != nil {
			return
		}
		method, target, _ := strings.Cut(request.first, " ")
		if method != "POST" {
			text := unknown
			if strings.HasPrefix(target, "/health ") {
				text = healthy
			}
			if _, err := connection.Write(text); err != nil {
				return
			}
			continue
		}
		if request.discard(reader) != nil {
			return
		}
		if query := strings.Index(target, "?events="); query >= 0 {
			var events, intervalUs, phaseUs int
			fmt.Sscanf(target[query:], "?events=%d&us=%d&phase=%d", &events, &intervalUs, &phaseUs)
			interval, phase := time.Duration(intervalUs)*time.Microsecond, time.Duration(phaseUs)*time.Microsecond
			if writeEvents(connection, events, interval, phase) != nil {
				return
			}
		} else if _, err := connection.Write(whole); err != nil {
			return
		}
	}
}

// One event each interval, at `phase` of it by the machine's clock: many streams are spread evenly, whoever asked.
func writeEvents(connection net.Conn, events int, interval, phase time.Duration) error {
	head := "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
	if _, err := connection.Write([]byte(head)); err != nil {
		return err
	}
	chunk := make([]byte, 0, eventBytes+16)
	next := time.Now().Truncate(interval).Add(phase)
	for range events {
		next = next.Add(interval)
		time.Sleep(time.Until(next))
		chunk = fmt.Appendf(chunk[:0], "%x\r\n", eventBytes)
		from := len(chunk)
		chunk = fmt.Appendf(chunk, "data: {\"id\":\"chatcmpl-1\",\"sentNs\":%019d,\"delta\":\"", time.Now().UnixNano())
		for len(chunk)-from < eventBytes-len("\"}\n\n") {
			chunk = append(chunk, 'x')
		}
		chunk = append(chunk, "\"}\n\n\r\n"...)
		if _, err := connection.Write(chunk); err != nil {
			return err
		}
	}
	_, err := connection.Write([]byte("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"))
	return err
}
