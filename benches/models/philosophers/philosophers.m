-- Dining philosophers on a ring.

const
  N: 8;

type
  Philosopher: 0 .. N - 1;
  Activity: enum { THINKING, HUNGRY, EATING };

var
  activity: array [Philosopher] of Activity;
  taken: array [Philosopher] of boolean; -- each philosopher's left fork; the next one's is at the right

startstate begin
  for p: Philosopher do
    activity[p] := THINKING;
    taken[p] := false;
  end;
end;

ruleset p: Philosopher do
  rule "take_left"
    activity[p] = THINKING & !taken[p] ==>
  begin
    activity[p] := HUNGRY;
    taken[p] := true;
  end;

  rule "take_right"
    activity[p] = HUNGRY & !taken[(p + 1) % N] ==>
  begin
    activity[p] := EATING;
    taken[(p + 1) % N] := true;
  end;

  rule "give_back"
    activity[p] = HUNGRY ==>
  begin
    activity[p] := THINKING;
    taken[p] := false;
  end;

  rule "put_down"
    activity[p] = EATING ==>
  begin
    activity[p] := THINKING;
    taken[p] := false;
    taken[(p + 1) % N] := false;
  end;
end;

invariant "exclusive"
  !exists p: Philosopher do activity[p] = EATING & activity[(p + 1) % N] = EATING end;
