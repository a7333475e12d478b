package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

type percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

type report struct {
	Count     int         `json:"count"`
	Failed    int         `json:"failed"`
	Seconds   float64     `json:"seconds"`
	LatencyMs percentiles `json:"latencyMs"`
}

// As many requests as go, over so many connections that are kept, for so long; 0 s: one request each.
func load(target, bodyFile string, connections, seconds int) {
	address, request := requestFor(target, bodyFile)
	var failed atomic.Int64
	latencies := make([][]float64, connections)
	deadline := time.Now().Add(time.Duration(seconds) * time.Second)
	start := time.Now()
	var wait sync.WaitGroup
	for i := range latencies {
		wait.Add(1)
		go func() {
			defer wait.Done()
			var connection net.Conn
			var reader *bufio.Reader
			for first := true; first || time.Now().Before(deadline); first = false {
				if connection == nil {
					var err error
					if connection, err = net.Dial("tcp", address); err != nil {
						fail(err.Error())
					}
					reader = bufio.NewReaderSize(connection, 16*1024)
				}
				sent := time.Now()
				isLast, err := exchange(connection, reader, request)
				if err != nil {
					failed.Add(1)
				} else {
					latencies[i] = append(latencies[i], ms(time.Since(sent)))
				}
				if err != nil || isLast {
					connection.Close()
					connection = nil
				}
			}
		}()
	}
	wait.Wait()
	tell(latencies, int(failed.Load()), time.Since(start))
}

func exchange(connection net.Conn, reader *bufio.Reader, request []byte) (isLast bool, err error) {
	if _, err = connection.Write(request); err != nil {
		return false, err
	}
	response, err := http.ReadResponse(reader, nil)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	if _, err = io.Copy(io.Discard, response.Body); err != nil {
		return false, err
	}
	if response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("status %d", response.StatusCode)
	}
	return response.Close, nil
}

// So many event streams at once; the latency is that of each event.
func streams(target, bodyFile string, count, events, intervalUs int) {
	address, request := requestFor(fmt.Sprintf("%s?events=%d&us=%d", target, events, intervalUs), bodyFile)
	latencies := make([][]float64, count)
	var failed atomic.Int64
	start := time.Now()
	var wait sync.WaitGroup
	for i := range latencies {
		wait.Add(1)
		go func() {
			defer wait.Done()
			got, err := readEvents(address, request)
			latencies[i] = got
			if err != nil || len(got) != events {
				failed.Add(1)
			}
		}()
	}
	wait.Wait()
	tell(latencies, int(failed.Load()), time.Since(start))
}

var sentNs = []byte(`"sentNs":`)

func readEvents(address string, request []byte) ([]float64, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if _, err = connection.Write(request); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(connection, 4096), nil)
	if err != nil {
		return nil, err
	}
	var latencies []float64
	lines := bufio.NewReaderSize(response.Body, 1024)
	for {
		line, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return latencies, nil
		}
		if err != nil {
			return latencies, err
		}
		if at := bytes.Index(line, sentNs); at >= 0 {
			from := at + len(sentNs)
			sent, _ := strconv.ParseInt(string(line[from:from+19]), 10, 64)
			latencies = append(latencies, float64(time.Now().UnixNano()-sent)/1e6)
		}
	}
}

func requestFor(target, bodyFile string) (address string, request []byte) {
	to, err := url.Parse(target)
	if err != nil {
		fail(err.Error())
	}
	body, err := os.ReadFile(bodyFile)
	if err != nil {
		fail(err.Error())
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\nauthorization: Bearer none\r\nuser-agent: bench\r\naccept: */*\r\ncontent-length: %d\r\n\r\n",
		to.RequestURI(), to.Host, len(body))
	return to.Host, append([]byte(head), body...)
}

func tell(parts [][]float64, failed int, took time.Duration) {
	var all []float64
	for _, part := range parts {
		all = append(all, part...)
	}
	sort.Float64s(all)
	at := func(share float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return all[min(len(all)-1, int(share*float64(len(all))))]
	}
	text, _ := json.Marshal(report{
		len(all), failed, took.Seconds(),
		percentiles{at(0.5), at(0.95), at(0.99), at(1)},
	})
	fmt.Println(string(text))
}

func ms(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1e6
}
