/* Answers that are too large for memory: written in pieces while they are sent, or sent from a file.
 *
 *     request->response.status = 200;
 *     request->response.content_type = "text/csv; charset=utf-8";
 *     request->response.file_name = "问答.csv";
 *     http_response_stream(request, write_rows, input);
 *
 * The producer runs on the worker once the handler has returned, and is held back when the client
 * takes less than it writes: 256 KiB wait at most. It may still fail with a proper problem as long as
 * nothing has been sent, which is while it has written little (64 KiB); later, the connection is cut
 * without the end that makes an answer whole, and the failure is logged. When the client has gone, or
 * takes nothing for the server's time limit, the next write fails and the producer returns.
 *
 * A streamed answer is compressed where that helps and has no length and no ETag.
 *
 * An answer that goes on for as long as the client stays (events: text/event-stream) runs where such answers have threads
 * of their own (HTTP_RUN_EVENTS), flushes what it has and waits in between. */
#ifndef KIMONO_HTTP_STREAM_H
#define KIMONO_HTTP_STREAM_H

#include "http/request.h"

struct http_stream;

/* Writes the whole answer. False: it is not whole, and `err` says why. */
typedef bool (*http_producer)(void *context, struct http_stream *stream, struct error *err);

/* To be called by a handler that runs where it may take long (HTTP_RUN_HEAVY, HTTP_RUN_EVENTS). `context` stays the caller's and
 * lives as long as the request (its arena): for a HEAD the producer is never called, so what it needs
 * (a read connection, a file) it opens itself. */
void http_response_stream(struct http_request *request, http_producer produce, void *context);

/* Appends to the answer; waits while the client is behind. Small pieces are put together, so a row at a
 * time is right. ERROR_CANCELLED: the client has gone. */
bool http_stream_write(struct http_stream *stream, const void *bytes, size_t length, struct error *err);

/* Sends what was written, the head too, without waiting for more. */
bool http_stream_flush(struct http_stream *stream, struct error *err);

/* Waits; false as soon as the client has gone or the server stops: then the answer has to end. */
bool http_stream_wait(struct http_stream *stream, int64_t ms);

/* Answers with all of a regular file, whatever its position. The descriptor is the server's from now
 * on, also on failure. ERROR_INTERNAL: its size cannot be read. */
bool http_response_file(struct http_request *request, int fd, struct error *err);

#endif
