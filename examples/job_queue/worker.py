"""A worker in another language: it asks over gRPC, by what is made of proto/job_queue.proto.

    pip install grpcio grpcio-tools
    python -m grpc_tools.protoc -I proto --python_out=. --grpc_python_out=. proto/job_queue.proto
    python worker.py dora [localhost:8080]

Like src/bin/worker.rs: a request is repeated under its idempotency key until it is answered, so it happens once; what a false
guard says (FAILED_PRECONDITION) is an answer, too.
"""

import sys
import time
import uuid

import grpc
import job_queue_pb2 as jobs
import job_queue_pb2_grpc as rpc

RENEW = 0.7  # seconds; a lease lasts 2
NOT_NOW = {grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND}
AGAIN = {grpc.StatusCode.ABORTED, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


def ask(method, request):
    """The reply; none if the guard was false, or there is nothing to do."""
    key = (("idempotency-key", uuid.uuid4().hex),)
    while True:
        try:
            return method(request, metadata=key, timeout=2)
        except grpc.RpcError as error:
            if error.code() in NOT_NOW:
                return None
            if error.code() not in AGAIN:
                raise
            time.sleep(0.2)


def primes(most):
    """How many there are, a part at a time."""
    count, sieve = 0, bytearray([1]) * (most + 1)
    for n in range(2, most + 1):
        if sieve[n]:
            count += 1
            sieve[n * n :: n] = bytes(len(range(n * n, most + 1, n)))
        if n % 10_000 == 0:
            yield None
    yield count


def work(queue, me, job):
    """The number of primes; none if somebody else has the job by now."""
    renewed = time.monotonic()
    for count in primes(int(job.removeprefix("primes-"))):
        if time.monotonic() - renewed > RENEW:
            renewed = time.monotonic()
            if ask(queue.Renew, jobs.RenewRequest(self=me)).outcome != jobs.RENEW_OUTCOME_AT_RENEW:
                return None
    finished = ask(queue.Finish, jobs.FinishRequest(self=me))
    return count if finished.outcome == jobs.FINISH_OUTCOME_DONE else None


def main(me, address="localhost:8080"):
    queue = rpc.ProcessingServiceStub(grpc.insecure_channel(address))
    ask(queue.GiveUp, jobs.GiveUpRequest(self=me))
    while True:
        # Which job is left open: the service gives one.
        claimed = ask(queue.Claim, jobs.ClaimRequest(self=me))
        if claimed is None:
            time.sleep(0.3)
            continue
        job = claimed.run.job
        print(f"{me} claims {job}", flush=True)
        count = work(queue, me, job)
        print(f"{me} {'lost' if count is None else 'finishes'} {job}: {count} primes", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
