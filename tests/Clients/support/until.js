import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks for a condition until it holds, and gives its value; fails with its description when patience ends.
 * @template T
 * @param {string} description
 * @param {() => T | Promise<T>} condition
 */
export async function until(description, condition, patienceMs = 60_000) {
    const end = performance.now() + patienceMs;
    for (;;) {
        const value = await condition();
        if (value)
            return value;
        if (performance.now() > end)
            throw new Error(`After ${patienceMs} ms it is not so that ${description}.`);
        await pause(20);
    }
}
