package main

import (
	"bufio"
	"errors"
	"io"
	"net/http/httputil"
	"strconv"
	"strings"
)

// What is of interest in the head of a request or a response. Go's own parser costs as much as the exchange.
type head struct {
	// The first line, without its end.
	first string
	// -1: none is named.
	length    int
	isChunked bool
	// No other message follows on this connection.
	isLast bool
}

func readHead(reader *bufio.Reader) (head, error) {
	first, err := reader.ReadString('\n')
	if err != nil {
		return head{}, err
	}
	read := head{first: strings.TrimSpace(first), length: -1}
	for {
		line, err := reader.ReadSlice('\n')
		if err != nil {
			return read, err
		}
		if len(line) <= 2 {
			return read, nil
		}
		if value, ok := header(line, "content-length:"); ok {
			if read.length, err = strconv.Atoi(value); err != nil {
				return read, err
			}
		} else if value, ok := header(line, "transfer-encoding:"); ok {
			read.isChunked = strings.EqualFold(value, "chunked")
		} else if value, ok := header(line, "connection:"); ok {
			read.isLast = strings.EqualFold(value, "close")
		}
	}
}

func header(line []byte, name string) (string, bool) {
	if len(line) < len(name) || !strings.EqualFold(string(line[:len(name)]), name) {
		return "", false
	}
	return strings.TrimSpace(string(line[len(name):])), true
}

// Reads the body that follows, and throws it away.
func (of head) discard(reader *bufio.Reader) error {
	if of.isChunked {
		if _, err := io.Copy(io.Discard, httputil.NewChunkedReader(reader)); err != nil {
			return err
		}
		return endChunks(reader)
	}
	if of.length < 0 {
		return errors.New("a body without an end")
	}
	_, err := reader.Discard(of.length)
	return err
}

// The chunked reader of Go leaves the empty line after the last chunk.
func endChunks(reader *bufio.Reader) error {
	_, err := reader.Discard(2)
	return err
}
