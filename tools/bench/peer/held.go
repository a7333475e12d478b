package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

type outcome struct {
	// By status; what broke is under its error.
	Answers        map[string]int `json:"answers"`
	ListenedMs     float64        `json:"listenedMs"`
	LastArrivedMs  float64        `json:"lastArrivedMs"`
	LastAnsweredMs float64        `json:"lastAnsweredMs"`
}

const dialsAtOnce = 128

// So many requests at once to an engine of ours, each on a connection of its own; tells `sent` when all are, and then
// one line of JSON. The connections stay open until all are answered.
func hold(target, bodyFile string, count int) {
	address, uri, body := read(target, bodyFile)
	request := requestOf(address, uri, body)
	connections := make([]net.Conn, count)
	inTurn(count, func(i int) {
		var err error
		if connections[i], err = net.DialTimeout("tcp", address, 30*time.Second); err != nil {
			fail(err.Error())
		}
		if _, err = connections[i].Write(request); err != nil {
			fail(err.Error())
		}
	})
	fmt.Println("sent")
	told := outcome{Answers: map[string]int{}}
	var lock sync.Mutex
	var wait sync.WaitGroup
	for _, connection := range connections {
		wait.Add(1)
		go func() {
			defer wait.Done()
			answer, engine := answerOf(connection)
			atMs := epochMs()
			lock.Lock()
			defer lock.Unlock()
			told.Answers[answer]++
			told.LastAnsweredMs = max(told.LastAnsweredMs, atMs)
			told.LastArrivedMs = max(told.LastArrivedMs, engine.ArrivedMs)
			told.ListenedMs = max(told.ListenedMs, engine.ListenedMs)
		}()
	}
	wait.Wait()
	text, _ := json.Marshal(told)
	fmt.Println(string(text))
}

func inTurn(count int, do func(i int)) {
	var wait sync.WaitGroup
	turns := make(chan struct{}, dialsAtOnce)
	for i := range count {
		turns <- struct{}{}
		wait.Add(1)
		go func() {
			defer wait.Done()
			do(i)
			<-turns
		}()
	}
	wait.Wait()
}

func answerOf(connection net.Conn) (string, told) {
	var engine told
	response, err := http.ReadResponse(bufio.NewReaderSize(connection, 1024), nil)
	if err != nil {
		return err.Error(), engine
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&engine); err != nil {
		return err.Error(), engine
	}
	return fmt.Sprint(response.StatusCode), engine
}
