/** A thread that goes on until it is asked to stop. */
abstract class Background extends Thread {
    private volatile boolean asked;

    Background() {
        setDaemon(true);
    }

    final void ask() {
        asked = true;
    }

    final boolean asked() {
        return asked;
    }

    static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException stop) {
            throw new IllegalStateException(stop);
        }
    }
}
