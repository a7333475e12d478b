package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Whoever takes longer than a measurement and this is not slow but stuck.
const patience = 30 * time.Second

type percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

type report struct {
	Count  int `json:"count"`
	Failed int `json:"failed"`
	// Why the first one did.
	Reason  string  `json:"reason"`
	Seconds float64 `json:"seconds"`
	// Of this process, from its start.
	ProcessorMs float64     `json:"processorMs"`
	LatencyMs   percentiles `json:"latencyMs"`
}

// What all connections found; each has a place of its own for its latencies.
type results struct {
	latencies [][]float64
	start     time.Time
	lock      sync.Mutex
	failed    int
	reason    string
}

func newResults(connections int) *results {
	return &results{latencies: make([][]float64, connections), start: time.Now()}
}

func (r *results) fail(err error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.failed++; r.failed == 1 {
		r.reason = err.Error()
	}
}

// As many requests as go, over so many connections that are kept, for so long (0 ms: one request each), with a pause
// after each answer.
func load(target, bodyFile string, connections, forMs, pauseUs int) {
	address, uri, body := read(target, bodyFile)
	request := requestOf(address, uri, body)
	results := newResults(connections)
	deadline := results.start.Add(time.Duration(forMs) * time.Millisecond)
	pause := time.Duration(pauseUs) * time.Microsecond
	var wait sync.WaitGroup
	for i := range connections {
		wait.Add(1)
		go func() {
			defer wait.Done()
			asker := asker{address: address, deadline: deadline.Add(patience)}
			defer asker.hangUp()
			for first := true; first || time.Now().Before(deadline); first = false {
				sent := time.Now()
				if err := asker.ask(request); err != nil {
					results.fail(err)
				} else {
					results.latencies[i] = append(results.latencies[i], ms(time.Since(sent)))
				}
				if pause > 0 {
					time.Sleep(pause)
				}
			}
		}()
	}
	wait.Wait()
	results.tell()
}

// One connection, made again only when the other side has closed it or failed.
type asker struct {
	address    string
	deadline   time.Time
	connection net.Conn
	reader     *bufio.Reader
}

func (a *asker) ask(request []byte) error {
	if a.connection == nil {
		connection, err := net.Dial("tcp", a.address)
		if err != nil {
			return err
		}
		connection.SetDeadline(a.deadline)
		a.connection, a.reader = connection, bufio.NewReaderSize(connection, 16*1024)
	}
	isLast, err := exchange(a.connection, a.reader, request)
	if err != nil || isLast {
		a.hangUp()
	}
	return err
}

func (a *asker) hangUp() {
	if a.connection != nil {
		a.connection.Close()
		a.connection = nil
	}
}

func exchange(connection net.Conn, reader *bufio.Reader, request []byte) (isLast bool, err error) {
	if _, err = connection.Write(request); err != nil {
		return false, err
	}
	response, err := readHead(reader)
	if err != nil {
		return false, err
	}
	if err = response.discard(reader); err != nil {
		return false, err
	}
	return response.isLast, response.fault()
}

func (response head) fault() error {
	if _, status, _ := strings.Cut(response.first, " "); !strings.HasPrefix(status, "200") {
		return errors.New("status " + status)
	}
	return nil
}

// So many event streams at once; the latency is that of each event.
func streams(target, bodyFile string, count, events, intervalUs int) {
	address, uri, body := read(target, bodyFile)
	results := newResults(count)
	deadline := results.start.Add(time.Duration(events*intervalUs)*time.Microsecond + patience)
	var wait sync.WaitGroup
	for i := range count {
		wait.Add(1)
		go func() {
			defer wait.Done()
			query := fmt.Sprintf("?events=%d&us=%d&phase=%d", events, intervalUs, i*intervalUs/count)
			got, err := readEvents(address, requestOf(address, uri+query, body), deadline)
			results.latencies[i] = got
			if err == nil && len(got) != events {
				err = fmt.Errorf("%d of %d events", len(got), events)
			}
			if err != nil {
				results.fail(err)
			}
		}()
	}
	wait.Wait()
	results.tell()
}

var sentNs = []byte(`"sentNs":`)

func readEvents(address string, request []byte, deadline time.Time) ([]float64, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	connection.SetDeadline(deadline)
	if _, err = connection.Write(request); err != nil {
		return nil, err
	}
	reader := bufio.NewReaderSize(connection, 4096)
	response, err := readHead(reader)
	if err != nil {
		return nil, err
	}
	if err = response.fault(); err != nil {
		return nil, err
	}
	if !response.isChunked {
		return nil, errors.New("an event stream that is not chunked")
	}
	var latencies []float64
	lines := bufio.NewReaderSize(httputil.NewChunkedReader(reader), 1024)
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
			sent, err := strconv.ParseInt(string(line[from:from+19]), 10, 64)
			if err != nil {
				return latencies, err
			}
			latencies = append(latencies, float64(time.Now().UnixNano()-sent)/1e6)
		}
	}
}

func read(target, bodyFile string) (address, uri string, body []byte) {
	to, err := url.Parse(target)
	if err != nil {
		fail(err.Error())
	}
	if body, err = os.ReadFile(bodyFile); err != nil {
		fail(err.Error())
	}
	return to.Host, to.RequestURI(), body
}

func requestOf(address, uri string, body []byte) []byte {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\nauthorization: Bearer none\r\nuser-agent: bench\r\naccept: */*\r\ncontent-length: %d\r\n\r\n",
		uri, address, len(body))
	return append([]byte(head), body...)
}

func (r *results) tell() {
	took := time.Since(r.start)
	var all []float64
	for _, part := range r.latencies {
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
		len(all), r.failed, r.reason, took.Seconds(), processorMs(),
		percentiles{at(0.5), at(0.95), at(0.99), at(1)},
	})
	fmt.Println(string(text))
}

func processorMs() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		fail(err.Error())
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}

func ms(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1e6
}
