/** Reads the numbered event stream of the soak's back end, and notices what is lost, doubled, out of order or broken. */

export class NumberedEvents {
  readonly #number: number;
  #rest = '';
  #isInside = false;
  #isEnd = false;
  #data = '';
  /** Events that have come, in order. */
  count = 0;
  comments = 0;
  /** Whether the last one has come, which the back end sends in the end. */
  isOver = false;
  /** The first thing that was wrong. */
  problem: string | undefined;

  constructor(number: number) {
    this.#number = number;
  }

  add(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#addLine(line);
  }

  #addLine(line: string): void {
    if (this.isOver) this.#fail('something came after the end');
    if (line.startsWith(':')) {
      this.comments += 1;
      if (this.#isInside) this.#fail(`a comment inside event ${this.count + 1}`);
    } else if (line === '') this.#endEvent();
    else {
      this.#isInside = true;
      if (line === 'event: end') this.#isEnd = true;
      else if (line.startsWith('data: ')) this.#data = line.slice(6);
      else if (!line.startsWith('id: ')) this.#fail(`a broken line: ${line}`);
    }
  }

  /** An empty line ends an event, or a comment. */
  #endEvent(): void {
    if (!this.#isInside) return;
    this.#isInside = false;
    if (this.#isEnd) this.isOver = true;
    else this.#check();
  }

  #check(): void {
    const wanted = this.count + 1;
    try {
      const { number, event } = JSON.parse(this.#data) as { number: number; event: number };
      if (number !== this.#number) this.#fail(`an event of stream ${number} in stream ${this.#number}`);
      else if (event !== wanted) this.#fail(`event ${event} came instead of ${wanted}`);
      this.count = event;
    } catch {
      this.#fail(`event ${wanted} is broken: ${this.#data}`);
    }
  }

  #fail(problem: string): void {
    this.problem ??= problem;
  }
}
