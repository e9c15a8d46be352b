// `go run post.go PORT PREFIX COUNT`: bids one after the other, each body only once it is wanted.
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	port, prefix := os.Args[1], os.Args[2]
	count, err := strconv.Atoi(os.Args[3])
	check(err)
	client := &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{ExpectContinueTimeout: 20 * time.Second},
	}
	for number := 0; number < count; number++ {
		fmt.Println(post(client, port, fmt.Sprintf("%s-%d", prefix, number), number > 0))
	}
}

func post(client *http.Client, port, id string, again bool) int {
	body := strings.NewReader(fmt.Sprintf(`{"id":%q,"imp":[{"id":"1","banner":{}}]}`, id))
	request, err := http.NewRequest("POST", "http://127.0.0.1:"+port+"/bid", body)
	check(err)
	request.Header.Set("Expect", "100-continue")
	continues, reused := 0, false
	trace := &httptrace.ClientTrace{
		Got100Continue: func() { continues++ },
		GotConn:        func(got httptrace.GotConnInfo) { reused = got.Reused },
	}
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), trace))
	response, err := client.Do(request)
	check(err)
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	check(err)
	if continues != 1 || reused != again {
		panic(fmt.Sprintf("%d times 100 Continue, connection reused: %t", continues, reused))
	}
	return response.StatusCode
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
