package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// What an engine says of itself and of the request it answers; times in ms since 1970.
type told struct {
	ListenedMs float64 `json:"listenedMs"`
	ArrivedMs  float64 `json:"arrivedMs"`
	Bytes      int64   `json:"bytes"`
	Crc32      string  `json:"crc32"`
}

// An engine that loads: `when` is for how many ms, or the file that must be there first.
func engine(port, when string) {
	sleepUntil(when)
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		fail(err.Error())
	}
	listenedMs := epochMs()
	for {
		connection, err := listener.Accept()
		if err != nil {
			fail(err.Error())
		}
		go answerAll(connection, listenedMs)
	}
}

func sleepUntil(when string) {
	if ms, err := strconv.Atoi(when); err == nil {
		time.Sleep(time.Duration(ms) * time.Millisecond)
		return
	}
	for {
		if _, err := os.Stat(when); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func answerAll(connection net.Conn, listenedMs float64) {
	defer connection.Close()
	reader := bufio.NewReaderSize(connection, 4*1024)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		arrivedMs := epochMs()
		if request.Method == http.MethodGet {
			// It is healthy, and tells no metrics.
			status := map[bool]string{true: "200 OK", false: "404 Not Found"}[request.URL.Path == "/health"]
			if _, err := fmt.Fprintf(connection, "HTTP/1.1 %s\r\ncontent-length: 0\r\n\r\n", status); err != nil {
				return
			}
			continue
		}
		sum := crc32.NewIEEE()
		bytes, err := io.Copy(sum, request.Body)
		if err != nil {
			return
		}
		query := request.URL.Query()
		if events, _ := strconv.Atoi(query.Get("events")); events > 0 {
			us, _ := strconv.Atoi(query.Get("us"))
			if writeEvents(connection, events, time.Duration(us)*time.Microsecond, 0) != nil {
				return
			}
			continue
		}
		ms, _ := strconv.Atoi(query.Get("ms"))
		time.Sleep(time.Duration(ms) * time.Millisecond)
		text, _ := json.Marshal(told{listenedMs, arrivedMs, bytes, strconv.FormatUint(uint64(sum.Sum32()), 16)})
		if _, err := fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", len(text), text); err != nil {
			return
		}
	}
}

func epochMs() float64 {
	return float64(time.Now().UnixNano()) / 1e6
}
