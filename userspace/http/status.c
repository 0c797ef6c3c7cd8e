/* The table of status codes. Lines are made by the preprocessor, so an answer's first line is one copy. */
#include "http/status.h"

#define STATUS_LIST(X)                            \
	X(100, "Continue")                        \
	X(101, "Switching Protocols")             \
	X(102, "Processing")                      \
	X(103, "Early Hints")                     \
	X(200, "OK")                              \
	X(201, "Created")                         \
	X(202, "Accepted")                        \
	X(203, "Non-Authoritative Information")   \
	X(204, "No Content")                      \
	X(205, "Reset Content")                   \
	X(206, "Partial Content")                 \
	X(207, "Multi-Status")                    \
	X(208, "Already Reported")                \
	X(226, "IM Used")                         \
	X(300, "Multiple Choices")                \
	X(301, "Moved Permanently")               \
	X(302, "Found")                           \
	X(303, "See Other")                       \
	X(304, "Not Modified")                    \
	X(305, "Use Proxy")                       \
	X(307, "Temporary Redirect")              \
	X(308, "Permanent Redirect")              \
	X(400, "Bad Request")                     \
	X(401, "Unauthorized")                    \
	X(402, "Payment Required")                \
	X(403, "Forbidden")                       \
	X(404, "Not Found")                       \
	X(405, "Method Not Allowed")              \
	X(406, "Not Acceptable")                  \
	X(407, "Proxy Authentication Required")   \
	X(408, "Request Timeout")                 \
	X(409, "Conflict")                        \
	X(410, "Gone")                            \
	X(411, "Length Required")                 \
	X(412, "Precondition Failed")             \
	X(413, "Request Entity Too Large")        \
	X(414, "Request URI Too Long")            \
	X(415, "Unsupported Media Type")          \
	X(416, "Requested Range Not Satisfiable") \
	X(417, "Expectation Failed")              \
	X(418, "I'm a teapot")                    \
	X(421, "Misdirected Request")             \
	X(422, "Unprocessable Entity")            \
	X(423, "Locked")                          \
	X(424, "Failed Dependency")               \
	X(425, "Too Early")                       \
	X(426, "Upgrade Required")                \
	X(428, "Precondition Required")           \
	X(429, "Too Many Requests")               \
	X(431, "Request Header Fields Too Large") \
	X(451, "Unavailable For Legal Reasons")   \
	X(499, "Client Closed Request")           \
	X(500, "Internal Server Error")           \
	X(501, "Not Implemented")                 \
	X(502, "Bad Gateway")                     \
	X(503, "Service Unavailable")             \
	X(504, "Gateway Timeout")                 \
	X(505, "HTTP Version Not Supported")      \
	X(506, "Variant Also Negotiates")         \
	X(507, "Insufficient Storage")            \
	X(508, "Loop Detected")                   \
	X(510, "Not Extended")                    \
	X(511, "Network Authentication Required")

#define STATUS_FIRST  100
#define STATUS_LAST   511
#define STATUS_BEFORE (sizeof("HTTP/1.1 404 ") - 1)

static const struct str status_lines[STATUS_LAST - STATUS_FIRST + 1] = {
#define STATUS_ROW(code, reason) \
	[code - STATUS_FIRST] = { "HTTP/1.1 " #code " " reason "\r\n", STATUS_BEFORE + sizeof(reason) + 1 },
	STATUS_LIST(STATUS_ROW)
};

struct str status_line(unsigned code)
{
	if (code < STATUS_FIRST || code > STATUS_LAST || !status_lines[code - STATUS_FIRST].p)
		return STR("");
	return status_lines[code - STATUS_FIRST];
}

struct str status_reason(unsigned code)
{
	struct str line = status_line(code);

	return line.n ? str_mk(line.p + STATUS_BEFORE, line.n - STATUS_BEFORE - 2) : line;
}
