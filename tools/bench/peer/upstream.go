package main

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// What a model's server says to a short question.
var answer = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` +
	strings.Repeat("word ", 60) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":200,"completion_tokens":60,"total_tokens":260}}`

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
	reader := bufio.NewReaderSize(connection, 16*1024)
	whole := []byte(fmt.Sprintf("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", len(answer), answer))
	for {
		target, err := readRequest(reader)
		if err != nil {
			return
		}
		if query := strings.Index(target, "?events="); query >= 0 {
			var events, intervalUs int
			fmt.Sscanf(target[query:], "?events=%d&us=%d", &events, &intervalUs)
			if !writeEvents(connection, events, time.Duration(intervalUs)*time.Microsecond) {
				return
			}
		} else if _, err := connection.Write(whole); err != nil {
			return
		}
	}
}

// The target of the next request, whose body is read and thrown away.
func readRequest(reader *bufio.Reader) (string, error) {
	first, err := reader.ReadString('\n')
	if err != nil {
		return "", err
	}
	target := strings.SplitN(first, " ", 3)[1]
	length, isChunked := 0, false
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return "", err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := header(line, "content-length:"); ok {
			length, _ = strconv.Atoi(value)
		} else if _, ok := header(line, "transfer-encoding:"); ok {
			isChunked = true
		}
	}
	if isChunked {
		return target, discardChunks(reader)
	}
	_, err = reader.Discard(length)
	return target, err
}

func discardChunks(reader *bufio.Reader) error {
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return err
		}
		if _, err := reader.Discard(int(size) + 2); err != nil || size == 0 {
			return err
		}
	}
}

func header(line []byte, name string) (string, bool) {
	if len(line) < len(name) || !strings.EqualFold(string(line[:len(name)]), name) {
		return "", false
	}
	return strings.TrimSpace(string(line[len(name):])), true
}

func writeEvents(connection net.Conn, events int, interval time.Duration) bool {
	head := "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
	if _, err := connection.Write([]byte(head)); err != nil {
		return false
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	chunk := make([]byte, 0, eventBytes+16)
	for i := 0; i < events; i++ {
		<-ticker.C
		text := fmt.Sprintf("data: {\"id\":\"chatcmpl-1\",\"sentNs\":%019d,\"delta\":\"", time.Now().UnixNano())
		chunk = append(chunk[:0], fmt.Sprintf("%x\r\n%s", eventBytes, text)...)
		for len(chunk) < eventBytes {
			chunk = append(chunk, 'x')
		}
		chunk = append(chunk, "\"}\n\n\r\n"...)
		if _, err := connection.Write(chunk); err != nil {
			return false
		}
	}
	_, err := connection.Write([]byte("e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"))
	return err == nil
}
