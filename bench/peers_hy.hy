;; The main rows in Hy, which writes Python's own data and loops as Lisp.

(defn fib [n] (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))

(defn total [n]
  (setv i 0 sum 0)
  (while (< i n)
    (+= sum i)
    (+= i 1))
  sum)

(defn literal [xs]
  (sum (lfor y (lfor x xs (* x x)) :if (= 0 (% y 2)) y)))

(defn process [state chunk]
  (setv value (get chunk "value")
        total (+ (get state "total") value))
  {"state" {#** state "count" (+ 1 (get state "count")) "total" total}
   "output" {"value" value "total" total}})

(defn steps [chunks]
  (setv state {"count" 0 "total" 0})
  (for [chunk chunks]
    (setv state (get (process state chunk) "state")))
  (get state "total"))

(defn numbers [n] (list (range n)))
(defn chunks [n] (lfor i (range n) {"value" i "unit" "C"}))
