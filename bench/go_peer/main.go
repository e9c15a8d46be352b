// The contract of POST /bid as one writes it in Go: 202 once all in-sync replicas have the record.
package main

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

const maxBodyBytes = 262_144

type bidRequest struct {
	ID  string `json:"id"`
	Imp []struct {
		ID string `json:"id"`
	} `json:"imp"`
}

func valid(bid bidRequest) bool {
	for _, imp := range bid.Imp {
		if imp.ID == "" {
			return false
		}
	}
	return bid.ID != "" && len(bid.Imp) > 0
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func handler(writer *kafka.Writer, out *json.Encoder) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		started := time.Now()
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
		var bid bidRequest
		if err != nil || json.Unmarshal(raw, &bid) != nil || !valid(bid) {
			answer(w, http.StatusBadRequest, map[string]string{"status": "refused"})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if err := writer.WriteMessages(ctx, kafka.Message{Key: []byte(bid.ID), Value: raw}); err != nil {
			answer(w, http.StatusServiceUnavailable, map[string]string{"status": "not acknowledged"})
			return
		}
		answer(w, http.StatusAccepted, map[string]string{"id": bid.ID, "status": "accepted"})
		out.Encode(map[string]any{"event": "bid accepted", "id": bid.ID, "latency_ms": time.Since(started).Milliseconds()})
	}
}

func main() {
	writer := &kafka.Writer{
		Addr:         kafka.TCP(strings.Split(os.Getenv("KAFKA_BROKERS"), ",")...),
		Topic:        os.Getenv("KAFKA_TOPIC_BID_REQUESTS"),
		Balancer:     &kafka.Hash{},
		RequiredAcks: kafka.RequireAll,
		BatchTimeout: time.Millisecond,
	}
	http.HandleFunc("POST /bid", handler(writer, json.NewEncoder(os.Stdout)))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("INGEST_PORT"), nil))
}
