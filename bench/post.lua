-- wrk posts a thousand bid requests in turn: the body of the file, each with an id of its own.
local requests, at = {}, 0

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local body = file:read("*a")
  file:close()
  local headers = { ["Content-Type"] = "application/json" }
  for number = 1, 1000 do
    local id = string.format("bench-%06d", number)
    requests[number] = wrk.format("POST", "/bid", headers, (body:gsub("BENCH%-ID%-XXXX", id, 1)))
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
